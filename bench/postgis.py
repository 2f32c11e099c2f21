"""A throw-away PostgreSQL with PostGIS for benchmarks: started in a temporary folder, ended by its process id."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import numpy as np
import psycopg

from geodata.mercator import CIRCUMFERENCE_M, WORLD
from geodata.points import PointIndex

BINARIES = Path("/usr/lib/postgresql/15/bin")
PORT = 5440
SETTINGS = {"shared_buffers": "512MB", "work_mem": "128MB", "fsync": "off", "max_parallel_workers_per_gather": "0",
            "jit": "off", "max_wal_size": "4GB", "random_page_cost": "1.1"}  # fmt: skip


class Cluster:
    """`with Cluster() as c:` gives one connection, `c.db`; everything in memory, one backend, no fsync."""

    def __enter__(self) -> "Cluster":
        self.folder = Path(tempfile.mkdtemp(prefix="postgis-"))
        owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if owner:
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        who = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
        init = [
            BINARIES / "initdb",
            "-D",
            self.folder / "data",
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **who)
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        run = [BINARIES / "postgres", "-D", self.folder / "data", "-p", str(PORT), "-k", self.folder, *options]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(run, stdout=log, stderr=log, cwd=self.folder, **who)
        self.db = self._connect()
        self.db.execute("CREATE EXTENSION postgis")
        return self

    def _connect(self) -> psycopg.Connection:
        until = time.monotonic() + 30
        while True:
            try:
                return psycopg.connect(f"host={self.folder} port={PORT} user=postgres dbname=postgres", autocommit=True)
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.db.close()
        self.process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        self.process.wait(30)
        shutil.rmtree(self.folder)

    def version(self) -> str:
        row = self.db.execute("SELECT postgis_lib_version() || ' on PostgreSQL ' || current_setting('server_version')")
        return str(row.fetchone()[0])

    def tile(self, sql: str, place: tuple[int, int, int]) -> bytes:
        """The answer of a tile query, prepared on the server, as bytes."""
        z, x, y = place
        cursor = self.db.execute(sql, {"z": z, "x": x, "y": y}, prepare=True, binary=True)
        return bytes(cursor.fetchone()[0] or b"")


def load_points(cluster: Cluster, index: PointIndex) -> float:
    """Copy the index's points in (already in Web Mercator, in Z-order: the best layout for GiST too); seconds."""
    begun = time.monotonic()
    db = cluster.db
    db.execute("CREATE TABLE components (id text, name text, class_code text, state text, mx float8, my float8)")
    metres = CIRCUMFERENCE_M / WORLD
    mx = (index.x.astype(np.float64) + 0.5) * metres - CIRCUMFERENCE_M / 2
    my = CIRCUMFERENCE_M / 2 - (index.y.astype(np.float64) + 0.5) * metres
    with db.cursor() as cursor, cursor.copy("COPY components FROM STDIN") as copy:
        for row in range(len(index)):
            copy.write_row(
                (index.id_at(row), index.names[row], index.classes[row], index.states[row], mx[row], my[row])
            )
    db.execute("ALTER TABLE components ADD COLUMN geom geometry(Point, 3857)")
    db.execute("UPDATE components SET geom = ST_SetSRID(ST_MakePoint(mx, my), 3857)")
    db.execute("ALTER TABLE components DROP COLUMN mx, DROP COLUMN my")
    db.execute("CREATE INDEX ON components USING gist (geom)")
    db.execute("VACUUM FULL ANALYZE components")
    return time.monotonic() - begun
