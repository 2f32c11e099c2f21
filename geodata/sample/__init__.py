"""The schematic sample city (示例数据): made from public facts and a fixed seed, never a survey."""
