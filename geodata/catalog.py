"""Map data at rest: one GeoParquet file a dataset under `<data_dir>/layers/`, replaced whole, never half-written."""

import os
from pathlib import Path

import geopandas as gpd

from geodata.datasets import DatasetSpec, dataset
from geodata.errors import NotFound

WGS84 = "EPSG:4326"


class Catalog:
    """The datasets stored below `data_dir`. Frames hold `id`, the dataset's fields, `sample`, `geometry` (WGS-84)."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "layers"

    def path(self, dataset_id: str) -> Path:
        return self.folder / f"{dataset(dataset_id).id}.parquet"

    def exists(self, dataset_id: str) -> bool:
        return self.path(dataset_id).exists()

    def version(self, dataset_id: str) -> str:
        """Changes whenever the stored data does; "" when there is none."""
        try:
            stat = self.path(dataset_id).stat()
        except FileNotFoundError:
            return ""
        return f"{stat.st_mtime_ns:x}-{stat.st_size:x}"

    def read(self, dataset_id: str) -> gpd.GeoDataFrame:
        """The whole dataset; `NotFound` says how to get it when it was never imported."""
        if not self.exists(dataset_id):
            raise NotFound(
                f"图层 {dataset_id} 还没有数据;先运行 python app.py sample,"
                f"或 python app.py import 文件 --layer {dataset_id}"
            )
        return gpd.read_parquet(self.path(dataset_id))

    def write(self, dataset_id: str, frame: gpd.GeoDataFrame) -> None:
        """Replace the dataset by `frame`, durably and in one step (temporary file, fsync, rename)."""
        spec = dataset(dataset_id)
        columns = ["id", *(field.name for field in spec.fields), "sample", "geometry"]
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.path(dataset_id)
        partial = target.with_suffix(f".{os.getpid()}.partial")
        frame[columns].to_crs(WGS84).to_parquet(partial, compression="zstd", index=False)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)

    def spec(self, dataset_id: str) -> DatasetSpec:
        return dataset(dataset_id)
