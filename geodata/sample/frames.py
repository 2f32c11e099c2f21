"""Frames in the shape the catalogue keeps: id, the dataset's columns, sample=True, geometry in WGS-84."""

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geodata.datasets import dataset

WGS84 = "EPSG:4326"


def frame_of(dataset_id: str, columns: Mapping[str, Any], geometry: npt.NDArray[Any]) -> gpd.GeoDataFrame:
    """All rows marked as sample. A field of the dataset that `columns` lacks is an error here, not later."""
    wanted = ["id", *(field.name for field in dataset(dataset_id).fields)]
    table = pd.DataFrame({name: columns[name] for name in wanted})
    table["sample"] = np.ones(len(table), dtype=bool)
    return gpd.GeoDataFrame(table, geometry=geometry, crs=WGS84)


def points_of(lonlat: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """(n, 2) degrees → n points."""
    return np.asarray(shapely.points(lonlat))


def pick(words: npt.ArrayLike, index: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    """words[index] as objects, so that a million rows share a handful of strings."""
    return np.asarray(words, dtype=object)[index]


def numbered(prefix: str, count: int, digits: int) -> list[str]:
    """prefix0001 … prefix with `count` in `digits` places."""
    return [f"{prefix}{number:0{digits}d}" for number in range(1, count + 1)]
