"""ClickHouse's errors: number, name, sentence, and the HTTP status a server gives them."""

import re
from typing import Final

BAD_ARGUMENTS: Final = 36
NOT_IMPLEMENTED: Final = 48
SYNTAX_ERROR: Final = 62
UNKNOWN_FORMAT: Final = 73
UNKNOWN_COMPRESSION_METHOD: Final = 89
READONLY: Final = 164
TOO_MANY_SIMULTANEOUS_QUERIES: Final = 202
SOCKET_TIMEOUT: Final = 209
QUERY_IS_TOO_LARGE: Final = 229
ABORTED: Final = 236
NOT_ENOUGH_SPACE: Final = 243
CANNOT_DECOMPRESS: Final = 271
INTO_OUTFILE_NOT_ALLOWED: Final = 358
SESSION_NOT_FOUND: Final = 372
SESSION_IS_LOCKED: Final = 373
INVALID_SESSION_TIMEOUT: Final = 374
TOO_MANY_ROWS_OR_BYTES: Final = 396
ACCESS_DENIED: Final = 497
AUTHENTICATION_FAILED: Final = 516
STD_EXCEPTION: Final = 1001
UNKNOWN_EXCEPTION: Final = 1002

_BAD_REQUEST = frozenset(
    {6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376}
    | {427, 441, 675, 676}
)
_NOT_FOUND = frozenset({46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511})
_FORBIDDEN = frozenset({192, 193, 497, 512, 516})
_OTHER = {48: 501, 76: 503, 159: 408, 194: 401, 209: 503, 229: 413, 381: 411, 439: 503, 779: 415}

# What chDB raises: its own error, or this one when the text quotes a statement that is not UTF-8.
ENGINE_RAISES: Final = (RuntimeError, UnicodeDecodeError)

NO_FILES: Final = "file() is not available over HTTP"

_CODE = re.compile(r"Code: (\d+)\. ")
# The embedded engine wraps an error once per layer: only the innermost is what a server says.
_LAYERS = re.compile(r"(?:Code: \d+\. DB::Exception: )+(?=Code: \d+\. )")
_AFTER_VERSION = re.compile(r"(\(version [0-9.]+\)).*", re.DOTALL)
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]+)\)")
_NAME_AT_END = re.compile(r"\([A-Z][A-Z0-9_]+\)\s*(\(version [^)]*\)\s*)?$")


class ClickHouseError(Exception):
    """An error as a ClickHouse client expects it.

    ``code`` is ClickHouse's number, ``text`` the whole body:
    ``Code: N. DB::Exception: ... (NAME)``.
    """

    def __init__(self, code: int, name: str, sentence: str) -> None:
        self.code = code
        self.name = name
        self.text = f"Code: {code}. DB::Exception: {sentence} ({name})"
        super().__init__(self.text)

    @property
    def status(self) -> int:
        """The HTTP status of this code, as ClickHouse's HTTP handler maps it."""
        if self.code in _BAD_REQUEST:
            return 400
        if self.code in _NOT_FOUND:
            return 404
        if self.code in _FORBIDDEN:
            return 403
        return _OTHER.get(self.code, 500)


class DataDirectoryLocked(RuntimeError):
    """Another process has the data directory open; the text says what to do."""


def from_engine(error: Exception) -> ClickHouseError:
    """Translate an exception of the embedded engine, which carries the server's text."""
    origin = error if error.__cause__ is None else error.__cause__
    if isinstance(origin, UnicodeDecodeError):
        text = origin.object.decode(errors="replace")
    else:
        text = str(error)
    if NO_FILES in text:  # comes back wrapped in a traceback of this process
        return ClickHouseError(ACCESS_DENIED, "ACCESS_DENIED", NO_FILES)
    found = _CODE.search(text)
    if found is None:
        return ClickHouseError(STD_EXCEPTION, "STD_EXCEPTION", text)
    text = _AFTER_VERSION.sub(r"\1", _LAYERS.sub("", text[found.start() :])).strip()
    names = _NAME.findall(text)
    code = int(text.removeprefix("Code: ").partition(".")[0])
    translated = ClickHouseError(code, names[-1] if names else "STD_EXCEPTION", "")
    translated.text = text
    if not _NAME_AT_END.search(translated.text):
        translated.text += f" ({translated.name})"
    translated.args = (translated.text,)
    return translated
