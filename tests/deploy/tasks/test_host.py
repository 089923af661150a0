"""What a script can do, run in the real sandbox against a real server."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from deploy.tasks.addresses import networks
from deploy.tasks.host import LOG_LINES, MAX_REQUESTS, MAX_STATE_BYTES, Host, Stopped
from deploy.tasks.script import Failed, prelude, run_script, stack_of
from tests.deploy.tasks.serving import Give, Site, serving

SECRET = 'hu/sh"key'


@dataclass
class Outside:
    """Notes what comes out."""

    emitted: list[Any] = field(default_factory=list)
    saved: list[Mapping[str, Any]] = field(default_factory=list)
    loaded: list[Any] = field(default_factory=list)

    def emit(self, events: Sequence[Any]) -> None:
        self.emitted += events

    def save(self, state: Mapping[str, Any]) -> None:
        self.saved.append(state)

    def load(self, options: Any) -> dict[str, Any]:
        self.loaded.append(options)
        return {"rows": 2, "rejected": 1, "files": 1, "dry": False}


@dataclass
class Ran:
    """What became of a script."""

    host: Host
    outside: Outside
    failed: Failed | None
    counted: list[str]

    @property
    def code(self) -> str:
        return self.failed.code if self.failed else ""


def run(body: str, *, seconds: float = 30, requests: int = 0, **parameters: Any) -> Ran:
    outside, counted = Outside(), list[str]()
    host = Host(
        outside,
        {"token": SECRET},
        networks(["127.0.0.0/8"]),
        {"kept": 1},
        time.monotonic() + seconds,
        counted.append,
        requests=requests,
    )
    source = f"function run(task) {{\n{body}\n}}"
    failed = None
    try:
        run_script(source, {"parameters": parameters}, host, seconds=seconds)
    except Failed as error:
        failed = error
    return Ran(host, outside, failed, counted)


def test_events_state_and_log_come_out_in_order() -> None:
    ran = run(
        """
        log('state', state.get('kept'), state.get('nothing') === undefined, {a: [1]});
        emit({name: 'a'});
        emit([{name: 'b'}, {name: 'c'}]);
        state.set('kept', {cursor: 'x'});
        state.save();
        state.delete('kept');
        console.error('done', task.parameters.p);
    """,
        p="q",
    )
    assert ran.failed is None
    assert ran.outside.emitted == [{"name": "a"}, {"name": "b"}, {"name": "c"}]
    assert ran.outside.saved == [{"kept": {"cursor": "x"}}]
    assert (ran.host.state, ran.host.events) == ({}, 3)
    assert ran.host.lines() == ('state 1 true {"a":[1]}', "done q")


def test_http_is_asked_and_answers() -> None:
    with serving({"/a": Give(201, b'{"x": [1, 9007199254740993]}', {"x-left": "3"})}) as site:
        ran = run(
            """
            const {url, id} = task.parameters;
            if (id !== '1152921504606846977') throw new Error('parameters');
            const answer = http.get(url + '/a?z=0', {
              query: {q: 'a b', many: [1, true]}, headers: {'X-Key': 7, gone: null}});
            if (!answer.ok || answer.status !== 201) throw new Error('status');
            if (answer.headers['x-left'] !== '3') throw new Error('headers');
            if (answer.json().x.join() !== '1,9007199254740993') throw new Error('json');
            if (answer.body !== '{"x": [1, 9007199254740993]}') throw new Error('body');
            http.post(url + '/a', {a: 1});
            http.post(url + '/a', 'text');
            http.request({method: 'PUT', url: url + '/b', form: {f: 'ü'}, timeout: 5});
        """,
            url=site.url,
            id=2**60 + 1,
        )
        assert ran.failed is None, (ran.code, str(ran.failed))
        first, second, third, fourth = site.got
    assert (first.method, first.path) == ("GET", "/a?z=0&q=a+b&many=1&many=true")
    assert first.headers["x-key"] == "7"
    assert "gone" not in first.headers
    assert (second.body, second.headers["content-type"]) == (b'{"a":1}', "application/json")
    assert (third.body, third.headers["content-type"]) == (b"text", "text/plain; charset=utf-8")
    assert (fourth.method, fourth.body) == ("PUT", b"f=%C3%BC")
    assert ran.counted == ["2xx", "2xx", "2xx", "4xx"]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("http.get()", "request-invalid"),
        ("http.get(7)", "request-invalid"),
        ("http.get('http://127.0.0.1/', {proxy: 'x'})", "request-invalid"),
        ("http.get('http://127.0.0.1/', {timeout: 0})", "request-invalid"),
        ("http.get('http://127.0.0.1/', {headers: {Host: 'x'}})", "request-invalid"),
        ("http.get('http://127.0.0.1/', {headers: {a: [1]}})", "request-invalid"),
        ("http.get('http://127.0.0.1/', {query: [1]})", "request-invalid"),
        ("http.request({url: 'http://127.0.0.1/', method: 'TRACE'})", "request-invalid"),
        ("http.post('http://127.0.0.1/', 'x'.repeat(2 ** 20 + 1))", "request-invalid"),
        ("http.get('http://10.0.0.1/')", "address-refused"),
        ("http.get('file:///etc/passwd')", "url-invalid"),
        ("secrets.get('other')", "secret-unknown"),
        ("state.set('x'.repeat(257), 1)", "state-too-large"),
        (f"state.set('x', 'y'.repeat({MAX_STATE_BYTES}))", "state-too-large"),
        ("state.set('x', {deep: [secrets.get('token')]})", "secret-in-state"),
        ("emit(Array(10001).fill({name: 'x'}))", "too-many-events"),
        ("csv.parse('a', {delimiter: '--'})", "csv-invalid"),
        ("nothing.there", "script-error"),
        ("throw 'x'", "script-error"),
        ("throw new Error('http-unreachable: made up')", "script-error"),
    ],
)
def test_what_goes_wrong_has_a_code(call: str, code: str) -> None:
    assert run(call).code == code
    if code != "script-error":
        assert run(f"try {{ {call} }} catch (error) {{ log(error.message) }}").failed is None


def test_secrets_are_read_and_never_told() -> None:
    ran = run("""
        const token = secrets.get('token');
        if (!secrets.has('token') || secrets.has('other') || token.length !== 9) throw new Error();
        log(token, encodeURIComponent(token), JSON.stringify(token), {token});
        throw new Error(`no luck with ${token}`);
    """)
    assert ran.failed is not None
    told = json.dumps([ran.host.lines(), ran.failed.message, ran.failed.stack])
    assert "hu" not in told
    assert ran.failed.message == "no luck with ***"


def test_a_failed_request_does_not_tell_either() -> None:
    ran = run("http.get('http://nobody.invalid/' + secrets.get('token') + ' ')")
    assert "hu/sh" not in str(ran.failed)


def test_csv_is_read() -> None:
    ran = run(r"""
        log(csv.parse('\ufeffa, b\r\n1,"x, ""y""\nz"\n\n2'));
        log(csv.parse('a;b\n1;2', {delimiter: ';'}), csv.parse(''));
    """)
    assert ran.host.lines() == (
        '[{"a":"1","b":"x, \\"y\\"\\nz"},{"a":"2"}]',
        '[{"a":"1","b":"2"}] []',
    )


def test_the_log_is_bounded() -> None:
    ran = run("for (let i = 0; i < 250; i++) log(i); log('x'.repeat(10000)); log('a\\nb')")
    lines = ran.host.lines()
    assert len(lines) == LOG_LINES + 1
    assert lines[0] == "... 53 lines before these are left out"
    assert lines[-2:] == ("a", "b")
    assert max(map(len, lines)) == 500


def test_a_run_ends_at_its_deadline_whatever_it_catches() -> None:
    ran = run("for (;;) { try { log('on') } catch {} }", seconds=0.5)
    assert ran.code in {"run-timeout", "script-time"}
    assert run("for (;;) {}", seconds=0.5).code == "script-time"


def test_a_run_makes_some_requests_and_no_more() -> None:
    ran = run("try { http.get('http://127.0.0.1:1/') } catch {}", requests=MAX_REQUESTS)
    assert ran.code == "too-many-requests"


def test_it_can_be_ended_from_outside() -> None:
    class Ending(Outside):
        def emit(self, events: Sequence[Any]) -> None:
            super().emit(events)
            host.stop(Stopped("run-moved", "enough"))

    host = Host(Ending(), {}, (), {}, time.monotonic() + 30, lambda _: None)
    source = "function run() { for (;;) { try { emit({}) } catch {} } }"
    with pytest.raises(Failed) as caught:
        run_script(source, {}, host, seconds=30)
    assert caught.value.code == "run-moved"


def test_a_request_under_way_is_hung_up_when_a_run_ends() -> None:
    stopping: list[Host] = []

    def slow(site: Site) -> Give:
        stopping[0].stop(Stopped("run-moved", "enough"))
        return Give()

    with serving({}) as site:
        site.answers["/"] = lambda _: slow(site)
        host = Host(Outside(), {}, networks(["127.0.0.1"]), {}, time.monotonic() + 30, print)
        stopping.append(host)
        with pytest.raises(Failed) as caught:
            run_script(f"function run() {{ http.get('{site.url}') }}", {}, host, seconds=30)
    assert caught.value.code == "run-moved"


def test_the_stack_is_the_scripts_own() -> None:
    ran = run("const f = () => {\n  state.set('x', secrets.get('token'));\n};\nf();")
    assert ran.failed is not None
    frames = [line.partition(":")[0] for line in ran.failed.stack.splitlines()]
    assert frames == ["at f (3", "at run (5"]
    first = f"at run (<input>:1:{len(prelude()) + 20})\nat begin (<input>:38:34)"
    assert stack_of(first) == "at run (1:20)"
    assert stack_of("nonsense") == ""


@pytest.mark.parametrize("source", ["function run( {", "function other() {}", "x", "run = 7"])
def test_a_script_that_is_none_is_told(source: str) -> None:
    host = Host(Outside(), {}, (), {}, time.monotonic() + 30, lambda _: None)
    with pytest.raises(Failed):
        run_script(source, {}, host, seconds=5)
