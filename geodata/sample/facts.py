"""What the sample city is built from: public facts (names, codes, seats), and schematic choices marked as such."""

from dataclasses import dataclass

SEED = 371300
CENTRE_LON, CENTRE_LAT = 118.30, 35.30

# code, name, seat (WGS-84, to about 100 m), schematic share of people and assets (未核定, sums to 1)
COUNTIES: tuple[tuple[str, str, float, float, float], ...] = (
    ("371302", "兰山区", 118.322, 35.062, 0.20),
    ("371311", "罗庄区", 118.279, 34.998, 0.09),
    ("371312", "河东区", 118.392, 35.085, 0.10),
    ("371321", "沂南县", 118.450, 35.547, 0.07),
    ("371322", "郯城县", 118.337, 34.615, 0.08),
    ("371323", "沂水县", 118.629, 35.787, 0.09),
    ("371324", "兰陵县", 118.044, 34.856, 0.11),
    ("371325", "费县", 117.963, 35.270, 0.07),
    ("371326", "平邑县", 117.626, 35.512, 0.07),
    ("371327", "莒南县", 118.833, 35.176, 0.06),
    ("371328", "蒙阴县", 117.937, 35.713, 0.03),
    ("371329", "临沭县", 118.643, 34.917, 0.03),
)
CODES = tuple(row[0] for row in COUNTIES)
NAMES = {row[0]: row[1] for row in COUNTIES}
URBAN_CODES = ("371302", "371311", "371312")

# Schematic: where a county reaches beyond its seat, so that the partition is not a bare Voronoi diagram.
EXTRA_SITES: tuple[tuple[str, float, float], ...] = (
    ("371302", 118.20, 35.15),
    ("371302", 118.24, 35.27),
    ("371311", 118.26, 34.86),
    ("371312", 118.50, 35.10),
    ("371312", 118.50, 35.25),
    ("371321", 118.28, 35.52),
    ("371322", 118.38, 34.72),
    ("371323", 118.50, 36.00),
    ("371324", 117.88, 34.78),
    ("371325", 118.05, 35.18),
    ("371328", 118.05, 35.85),
)
# Schematic outline: spans 117.41–119.20 E, 34.38–36.21 N and encloses about the published 17,191 km².
OUTLINE: tuple[tuple[float, float], ...] = (
    (118.56, 36.20), (118.78, 36.10), (118.88, 35.93), (118.84, 35.72), (118.80, 35.50), (118.84, 35.38),
    (119.02, 35.37), (119.19, 35.24), (119.09, 35.06), (118.88, 34.97), (118.80, 34.78), (118.62, 34.70),
    (118.54, 34.48), (118.32, 34.39), (118.18, 34.56), (117.98, 34.64), (117.82, 34.74), (117.80, 34.96),
    (117.72, 35.14), (117.49, 35.28), (117.42, 35.48), (117.50, 35.70), (117.68, 35.83), (117.84, 35.90),
    (118.06, 35.93), (118.28, 35.97), (118.42, 36.12),
)  # fmt: skip

# id, name, rank, schematic control points down-river
RIVERS: tuple[tuple[str, str, int, tuple[tuple[float, float], ...]], ...] = (
    (
        "yi", "沂河", 1,
        ((118.48, 36.11), (118.55, 36.00), (118.60, 35.88), (118.60, 35.78), (118.55, 35.66), (118.49, 35.55),
         (118.44, 35.41), (118.41, 35.26), (118.368, 35.13), (118.355, 35.07), (118.352, 34.99), (118.33, 34.86),
         (118.31, 34.74), (118.29, 34.61), (118.31, 34.48), (118.315, 34.42)),
    ),
    (
        "shu", "沭河", 1,
        ((118.70, 36.08), (118.74, 35.88), (118.77, 35.68), (118.74, 35.46), (118.70, 35.27), (118.66, 35.12),
         (118.60, 34.99), (118.56, 34.86), (118.52, 34.73), (118.50, 34.60), (118.51, 34.49)),
    ),
    (
        "beng", "祊河", 2,
        ((117.50, 35.60), (117.60, 35.53), (117.70, 35.46), (117.84, 35.36), (117.96, 35.295), (118.10, 35.23),
         (118.22, 35.17), (118.30, 35.12), (118.362, 35.10)),
    ),
)  # fmt: skip
MENGSHAN_HEIGHT_M = 1156.0
# Schematic high ground: lon, lat, height m, half-width km; the first three make the ridge of 蒙山.
HIGHS: tuple[tuple[float, float, float, float], ...] = (
    (117.76, 35.58, 1000.0, 9.0),
    (117.86, 35.53, MENGSHAN_HEIGHT_M, 8.0),
    (117.97, 35.47, 850.0, 9.0),
    (118.10, 35.95, 520.0, 22.0),
    (118.62, 36.08, 420.0, 20.0),
    (117.78, 35.00, 330.0, 16.0),
    (118.25, 35.72, 380.0, 20.0),
    (118.98, 35.30, 240.0, 16.0),
    (117.60, 35.28, 300.0, 14.0),
)

# id, station, river, quantities; names are public, positions schematic
RIVER_GAUGES: tuple[tuple[str, str, str, float, float], ...] = (
    ("yi-linyi", "临沂", "沂河", 118.362, 35.030),
    ("yi-gegou", "葛沟", "沂河", 118.430, 35.350),
    ("beng-jiaoyi", "角沂", "祊河", 118.180, 35.190),
    ("meng-gaoli", "高里", "蒙河", 118.320, 35.370),
    ("dongwen-mengyin", "蒙阴", "东汶河", 117.950, 35.700),
    ("zi-shuimingya", "水明崖", "梓河", 118.200, 35.680),
    ("wenliang-wangjiashaozhuang", "王家邵庄", "温凉河", 117.990, 35.200),
    ("shu-shilaqu", "石拉渊", "沭河", 118.690, 35.220),
    ("shu-chonggou", "重沟", "沭河", 118.590, 34.960),
    ("yi-liujiadaokou", "刘家道口", "沂河", 118.420, 34.930),
    ("yi-pengdaokou", "彭道口", "沂河", 118.450, 34.920),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything. `street_m` and `village_m` set the spacing of the road network."""

    name: str
    street_m: float
    village_m: float
    town_m: float
    components: int
    cameras: int
    forest_cells: int
    sensors: int
    rain_gauges: int
    teams: int
    warehouses: int


SCALES = {
    "small": Scale("small", 600.0, 3200.0, 12000.0, 20_000, 2_000, 2_000, 2_000, 60, 60, 20),
    "full": Scale("full", 105.0, 525.0, 10000.0, 1_000_000, 100_000, 17_000, 50_000, 240, 300, 80),
}
WATERLOGGING_POINTS, UNDERPASSES = 600, 120
