"""Scripts that mean harm, and scripts that do not; against the real engine in its process."""

import hmac
import json
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from processors.sandbox import Sandbox
from schemas.sandbox import MAX_SOURCE_BYTES, Limits, ScriptError

QUICK = Limits(seconds=0.1, memory_bytes=8 << 20, output_bytes=10_000)


def run(body: str, given: Any = None, limits: Limits = QUICK) -> Any:
    script = Sandbox(f"function f(given) {{ {body} }}", limits)
    try:
        return json.loads(script.call("f", json.dumps(given).encode()))
    finally:
        script.close()


@pytest.mark.parametrize(
    ("body", "given", "found"),
    [
        ("return given", {"a": [1, "ü😀", None, 1.5]}, {"a": [1, "ü😀", None, 1.5]}),
        ("", None, None),
        ("return undefined", None, None),
        ("return Promise.resolve(1).then((x) => x + 1)", None, 2),
        ("return '\\ud800'", None, "\ud800"),
        ("return typeof require + typeof std + typeof os + typeof fetch", None, "undefined" * 4),
        (
            "return parseForm('a=1&a=2&b=x+y%21&__proto__=z&c')",
            None,
            {"a": ["1", "2"], "b": "x y!", "__proto__": "z", "c": ""},
        ),
        (
            "return parseJson(given)",
            (
                '{"id": 820982911946154508, "9007199254740993": "9007199254740993", "of":'
                ' [{"id": -9007199254740993}, 9007199254740991, 123456789012345678901234567890,'
                ' 1e17, 12345678901234567.5, "\\"12345678901234567"]}'
            ),
            {
                "id": "820982911946154508",
                "9007199254740993": "9007199254740993",
                "of": [
                    {"id": "-9007199254740993"},
                    2**53 - 1,
                    "123456789012345678901234567890",
                    1e17,
                    12345678901234568,
                    '"12345678901234567',
                ],
            },
        ),
        ("try { parseJson('{') } catch (e) { return e.name }", None, "SyntaxError"),
        ("return crypto.hash('sha1', given)", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "return crypto.hmac('sha256', 'key', 'body', 'base64')",
            None,
            b64encode(hmac.new(b"key", b"body", "sha256").digest()).decode(),
        ),
        (
            "return crypto.hash('sha256', given)",
            "é😀" * 40,
            sha256(("é😀" * 40).encode()).hexdigest(),
        ),
        (
            "return crypto.hmac('sha1', given, 'x'.repeat(55))",
            "k" * 65,
            hmac.new(b"k" * 65, b"x" * 55, "sha1").hexdigest(),
        ),
        (
            "try { crypto.hash('no', '') } catch (e) { return e.message.slice(0, 9) }",
            0,
            "no is not",
        ),
        ("return import('/etc/passwd').then(() => 'read', () => 'refused')", None, "refused"),
    ],
)
def test_what_scripts_give(body: str, given: Any, found: Any) -> None:
    assert run(body, given) == found


HOSTILE = {
    "endless loop": ("for (;;) {}", "script-time"),
    "endless loop that catches": ("for (;;) { try { for (;;) {} } catch {} }", "script-time"),
    "endless finally": ("(function g() { try { for (;;) {} } finally { g() } })()", "script-time"),
    "a native loop that looks at no clock": ("Array(2 ** 32 - 1).join('x')", "script-time"),
    "backtracking": ("/^(a+)+$/.test('a'.repeat(40) + 'b')", "script-time"),
    "endless microtasks": ("(function g() { Promise.resolve().then(g) })()", "script-time"),
    "endless toJSON": ("return {toJSON() { for (;;) {} }}", "script-time"),
    "thrown proxy": ("throw new Proxy({}, {get() { for (;;) {} }})", "script-time"),
    "memory": ("const a = []; for (;;) a.push(new Array(1000).fill(7))", "script-memory"),
    "buffers": ("const a = []; for (;;) a.push(new ArrayBuffer(1 << 20))", "script-memory"),
    "one string": ("return 'x'.repeat(2 ** 30 - 2)", "script-memory"),
    "recursion": ("(function g() { return g() + 1 })()", "script-stack"),
    "deep JSON": ("return JSON.parse('['.repeat(1e6))", "script-stack"),
    "output": ("return 'x'.repeat(10000)", "script-output"),
    "never settled": ("return new Promise(() => {})", "script-unsettled"),
    "rejected": ("return Promise.reject(new TypeError('no'))", "script-error"),
    "circular": ("const a = {}; a.a = a; return a", "script-error"),
    "no value of JSON": ("return 1n", "script-error"),
    "blocking": ("Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0)", "script-error"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_harm_is_bounded(name: str) -> None:
    body, code = HOSTILE[name]
    with pytest.raises(ScriptError) as caught:
        run(body)
    assert caught.value.code == code, (caught.value.message, caught.value.stack)
    assert run("return 1") == 1


def test_an_error_says_where() -> None:
    script = Sandbox("function f(x) {\n  return x.a.b;\n}")
    with pytest.raises(ScriptError) as caught:
        script.call("f", b"{}")
    assert caught.value.message == "TypeError: cannot read property 'b' of undefined"
    assert caught.value.stack.startswith("at f (<input>:2:")
    with pytest.raises(ScriptError) as caught:
        Sandbox("function f( {").call("f", b"{}")
    assert caught.value.code == "script-syntax"
    with pytest.raises(ScriptError) as caught:
        Sandbox("const g = 1").call("g", b"{}")
    assert caught.value.code == "script-function-missing"
    with pytest.raises(ScriptError):
        Sandbox("function f() {}").call("f();g", b"{}")
    with pytest.raises(ScriptError):
        Sandbox(" " * (MAX_SOURCE_BYTES + 1))


def test_nothing_is_left_behind() -> None:
    first = Sandbox(
        "let calls = 0;"
        "function f() {"
        "  calls += 1; globalThis.seen = (globalThis.seen ?? 0) + 1;"
        "  Object.prototype.leak = 1; Array.prototype.map = null; JSON.stringify = null;"
        "  return [calls, seen];"
        "}"
    )
    second = Sandbox("function f() { return [typeof seen, {}.leak ?? 0, typeof [].map] }")
    for _ in range(2):
        assert json.loads(first.call("f", b"null")) == [1, 1]
        assert json.loads(second.call("f", b"null")) == ["undefined", 0, "function"]


def test_what_is_logged_is_bounded() -> None:
    script = Sandbox(
        "function f() {"
        " console.log('a', {b: 1}); for (let i = 0; i < 1e4; i++) console.log('x'.repeat(2e4));"
        " throw new Error('no') }"
    )
    with pytest.raises(ScriptError):
        script.call("f", b"null")
    assert script.said[0] == 'a {"b":1}'
    assert len(script.said) == 100
    assert max(map(len, script.said)) == 1_000


@pytest.fixture
def hosted() -> Iterator[Sandbox]:
    def fetch(argument: str) -> str:
        (url,) = json.loads(argument)
        if url == "bad":
            raise OSError("no route")
        if url == "slow":
            time.sleep(0.3)  # longer than the limit: waiting is not counted
        return json.dumps({"url": url})

    script = Sandbox(
        "function f(url) { return fetch(url) }"
        "function g(url) { try { fetch(url) } catch (e) { return e.message } }",
        QUICK,
        {"fetch": fetch},
    )
    yield script
    script.close()


def test_a_host_serves(hosted: Sandbox) -> None:
    assert json.loads(hosted.call("f", b'"here"')) == {"url": "here"}
    assert json.loads(hosted.call("f", b'"slow"')) == {"url": "slow"}
    assert json.loads(hosted.call("g", b'"bad"')) == "no route"
    with pytest.raises(ScriptError):
        hosted.call("f", b'"bad"')


def test_nothing_can_be_opened() -> None:
    """What a fault of the engine's would find: no descriptor, no environment."""
    script = Sandbox("function f() { return 1 }")
    script.call("f", b"null")
    child = script._cell._child
    assert child is not None
    if sys.platform == "linux":
        limits = Path(f"/proc/{child.process.pid}/limits").read_text()
        assert "Max open files            3                    3" in limits
        assert Path(f"/proc/{child.process.pid}/environ").read_bytes() == b""
