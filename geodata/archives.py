"""Zip files from outside: judged by their directory before a byte is unpacked."""

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from geodata.errors import BadInput, TooLarge
from geodata.raw_table import MIB

UNZIP_ERRORS: Final = (zipfile.BadZipFile, zlib.error, EOFError, IndexError, RuntimeError, OSError)
MAX_MEMBERS: Final = 2000
MAX_UNPACKED: Final = 2048 * MIB
_MAX_RATIO, _RATIO_FROM = 200, 64 * MIB  # a shapefile or a sheet packs about 10:1


def check_zip(path: Path) -> list[zipfile.ZipInfo]:
    """The files in the archive; `BadInput` for bombs, ways out of the folder, links, passwords and broken archives."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (*UNZIP_ERRORS, ValueError) as error:
        raise BadInput(f"{path.name} 不是完好的压缩文件:{str(error)[:120]}") from None
    unpacked = sum(member.file_size for member in members)
    packed = max(1, path.stat().st_size)
    if len(members) > MAX_MEMBERS or unpacked > MAX_UNPACKED:
        raise TooLarge(f"{path.name} 解压后有 {len(members)} 个文件、{unpacked / MIB:.0f} MB,超出上限", bytes=unpacked)
    if unpacked > _RATIO_FROM and unpacked / packed > _MAX_RATIO:
        raise TooLarge(f"{path.name} 的压缩比 {unpacked / packed:.0f}:1 异常(疑似压缩炸弹),已拒绝", bytes=unpacked)
    for member in members:
        _check_member(member, path.name)
    return members


def _check_member(member: zipfile.ZipInfo, archive: str) -> None:
    name = member_name(member)
    parts = PurePosixPath(name.replace("\\", "/"))
    if not parts.parts or parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0]:
        raise BadInput(f"{archive} 里的 {name[:80]!r} 指向压缩包之外,已拒绝")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise BadInput(f"{archive} 里的 {name[:80]!r} 是链接,已拒绝")
    if member.flag_bits & 0x1:
        raise BadInput(f"{archive} 有密码;请解密后重新打包")


def member_name(member: zipfile.ZipInfo) -> str:
    """The member's name. Chinese Windows writes GBK without the UTF-8 flag, which zipfile then reads as cp437."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("gb18030")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return member.filename
