"""Merging rows into a stored dataset by id: only the columns a file brings are touched."""

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geodata.catalog import WGS84
from geodata.datasets import DatasetSpec
from geodata.import_verdict import Mask
from geodata.raw_table import Shapes

SAME_DEG = 1e-9  # 0.1 mm: what differs less is the same place
_DTYPES = {"text": "str", "int": "Int64", "float": "float64", "bool": "bool"}


def upsert(
    spec: DatasetSpec, existing: gpd.GeoDataFrame | None, rows: pd.DataFrame, shapes: Shapes
) -> tuple[gpd.GeoDataFrame, int]:
    """(merged frame, how many rows are new or differ). `rows` have unique ids; order: as stored, then the new ones."""
    stored = _canonical(spec, existing if existing is not None else _empty(spec))
    places = pd.Index(stored["id"]).get_indexer(pd.Index(rows["id"]))
    known = places >= 0
    same = known.copy()
    same[known] = _equal(stored, places[known], rows[known], shapes[known])
    changed = int((~same).sum())
    incoming = _completed(spec, stored, rows, shapes, places)
    order = np.arange(len(stored))
    differs = known & ~same
    order[places[differs]] = len(stored) + np.flatnonzero(differs)
    order = np.concatenate((order, len(stored) + np.flatnonzero(~known)))
    both = pd.concat([stored, incoming], ignore_index=True) if len(stored) else incoming
    return gpd.GeoDataFrame(both.iloc[order].reset_index(drop=True), geometry="geometry", crs=WGS84), changed


def _canonical(spec: DatasetSpec, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The frame in the kinds an import makes: missing text is "", a missing number NaN or NA, a missing bool False."""
    columns: dict[str, Any] = {"id": frame["id"].astype("str")}
    for field in spec.fields:
        columns[field.name] = _filled(frame[field.name], field.kind)
    columns["sample"] = _filled(frame["sample"], "bool")
    for name in columns:
        columns[name] = columns[name].reset_index(drop=True)
    whole = gpd.GeoDataFrame(columns, geometry=np.asarray(frame.geometry.array), crs=WGS84)
    return whole.drop_duplicates("id").reset_index(drop=True)


def _filled(column: "pd.Series[Any]", kind: str) -> "pd.Series[Any]":
    if kind == "text":
        return column.astype("str").fillna("")
    if kind == "bool":
        return column.astype("boolean").fillna(value=False).astype("bool")
    return column.astype("Int64" if kind == "int" else "float64")


def _empty(spec: DatasetSpec) -> gpd.GeoDataFrame:
    columns: dict[str, Any] = {"id": pd.Series([], dtype="str")}
    columns |= {field.name: pd.Series([], dtype=_DTYPES[field.kind]) for field in spec.fields}
    columns["sample"] = pd.Series([], dtype="bool")
    return gpd.GeoDataFrame(columns, geometry=[], crs=WGS84)


def _equal(stored: gpd.GeoDataFrame, places: NDArray[np.intp], rows: pd.DataFrame, shapes: Shapes) -> Mask:
    """(m,) whether the stored rows at `places` hold the same values in every column of `rows`, and the same shape."""
    there = np.asarray(stored.geometry.array)[places]
    same: Mask = shapely.equals_exact(there, shapes, tolerance=SAME_DEG)
    for name in rows.columns:
        old, new = stored[name].iloc[places].reset_index(drop=True), rows[name].reset_index(drop=True)
        equal = (old == new).fillna(value=False).to_numpy(bool)
        same &= equal | (old.isna() & new.isna()).to_numpy(bool)
    return same


def _completed(
    spec: DatasetSpec, stored: gpd.GeoDataFrame, rows: pd.DataFrame, shapes: Shapes, places: NDArray[np.intp]
) -> gpd.GeoDataFrame:
    """`rows` with every column of the dataset: what the file does not bring stays as stored, or is missing."""
    columns: dict[str, Any] = {"id": rows["id"]}
    for field in spec.fields:
        if field.name in rows:
            columns[field.name] = rows[field.name]
        else:
            kept = stored[field.name].reindex(pd.Index(places)) if len(stored) else None
            kept = pd.Series([None] * len(rows), dtype="object") if kept is None else kept
            columns[field.name] = _filled(kept.reset_index(drop=True), field.kind)
    columns["sample"] = rows["sample"].astype("bool")
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=WGS84)
