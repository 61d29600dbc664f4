"""Files of runs and logged models by raw HTTP: uploads, ranges, parts, and paths that are none."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.asking import Door

PROXY = "/api/2.0/mlflow-artifacts"
STORE = f"{PROXY}/artifacts"
MEGABYTE = 1 << 20


def placed(door: Door) -> str:
    """The root of a new run's files, as it stands in paths."""
    experiment = door.experiment()
    return f"{experiment}/{door.run(experiment)}/artifacts"


def put(door: Door, path: str, *, content: Any = b"content") -> httpx.Response:
    return door.owner.put(f"{STORE}/{quote(path)}", content=content)


@pytest.mark.parametrize("size", [0, 1, 100_000, 5 * MEGABYTE])
def test_what_was_put_is_what_is_given(door: Door, size: int) -> None:
    root, content = placed(door), hashlib.sha256(b"x").digest() * (size // 32 + 1)
    content = content[:size]
    assert put(door, f"{root}/a/b ü.bin", content=content).json() == {}
    got = door.owner.get(f"{STORE}/{quote(root)}/a/b%20%C3%BC.bin")
    assert (got.status_code, got.content == content, got.headers["content-length"]) == (200, True, str(size))
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]
    assert got.headers["content-disposition"] == "attachment; filename=\"b u.bin\"; filename*=UTF-8''b%20%C3%BC.bin"
    head = door.owner.head(f"{STORE}/{quote(root)}/a/b%20%C3%BC.bin")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))


def test_a_stream_without_a_length_is_taken(door: Door) -> None:
    root = placed(door)

    def chunks() -> Iterator[bytes]:
        for number in range(50):
            yield bytes([number]) * 50_000

    assert put(door, f"{root}/streamed", content=chunks()).status_code == 200
    assert door.owner.get(f"{STORE}/{root}/streamed").content == b"".join(chunks())


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        ("bytes=0-9", 206, (0, 10)), ("bytes=990-", 206, (990, 1000)), ("bytes=-10", 206, (990, 1000)), ("bytes=5-5", 206, (5, 6)),
        ("bytes=0-99999", 206, (0, 1000)), ("bytes=-99999", 206, (0, 1000)), ("bytes=1000-", 416, None), ("bytes=9-5", 416, None),
        ("bytes=0-1,5-6", 200, (0, 1000)), ("bytes=-", 200, (0, 1000)), ("lines=0-9", 200, (0, 1000)), ("", 200, (0, 1000)),
        ("bytes=" + "9" * 30 + "-", 200, (0, 1000)), ("bytes=-0", 416, None),
    ],
    ids=range(14),
)  # fmt: skip
def test_ranges(door: Door, asked: str, status: int, span: tuple[int, int] | None) -> None:
    root, content = placed(door), bytes(number % 251 for number in range(1000))
    put(door, f"{root}/file", content=content)
    got = door.owner.get(f"{STORE}/{root}/file", headers={"Range": asked} if asked else {})
    assert got.status_code == status
    if span is None:
        assert got.headers["content-range"] == "bytes */1000"
    else:
        assert got.content == content[slice(*span)]
        assert got.headers.get("content-range") == (f"bytes {span[0]}-{span[1] - 1}/1000" if status == 206 else None)


def test_a_file_that_is_known_is_not_sent_again(door: Door) -> None:
    root = placed(door)
    put(door, f"{root}/file")
    tag = door.owner.get(f"{STORE}/{root}/file").headers["etag"]
    assert door.owner.get(f"{STORE}/{root}/file", headers={"If-None-Match": tag}).status_code == 304
    ranged = {"Range": "bytes=0-1", "If-Range": '"another"'}
    assert door.owner.get(f"{STORE}/{root}/file", headers=ranged).content == b"content"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.html", None), ("a.svg", None), ("a.js", None), ("a.png", "image/png"), ("a.json", "application/json")],
)
def test_nothing_is_given_as_a_page_of_ours(door: Door, name: str, kind: str | None) -> None:
    root = placed(door)
    put(door, f"{root}/{name}", content=b"<script>alert(1)</script>")
    got = door.owner.get(f"{STORE}/{root}/{name}")
    assert got.headers["content-type"] == (kind or "application/octet-stream")
    assert got.headers["content-disposition"].startswith("attachment;")


def test_files_are_listed(door: Door) -> None:
    root = placed(door)
    run = root.split("/")[1]
    for name in ("z.txt", "d/a.txt", "d/e/f.txt"):
        put(door, f"{root}/{name}")
    top = [{"path": "d", "is_dir": True}, {"path": "z.txt", "is_dir": False, "file_size": 7}]
    found = door.say("GET artifacts/list", run_id=run)
    assert found == {"root_uri": f"mlflow-artifacts:/{root}", "files": top}
    assert door.say(f"GET {STORE}", path=root) == {"files": top}
    inner = door.say("GET artifacts/list", run_id=run, path="d")["files"]
    assert [file["path"] for file in inner] == ["d/a.txt", "d/e"]
    assert [file["path"] for file in door.say(f"GET {STORE}", path=f"{root}/d")["files"]] == ["a.txt", "e"]
    assert door.say("GET artifacts/list", run_id=run, path="no/such")["files"] == []
    assert door.ask(f"DELETE {STORE}/{root}/d").json() == {}
    assert [file["path"] for file in door.say("GET artifacts/list", run_id=run)["files"]] == ["z.txt"]
    door.refuse(f"GET {STORE}/{root}/d/a.txt", status=404, code="RESOURCE_DOES_NOT_EXIST")


def test_pages_ask_for_files_by_run_and_by_version(door: Door) -> None:
    root = placed(door)
    run, name = root.split("/")[1], door.fresh("paged")
    put(door, f"{root}/model/MLmodel", content=b"flavors: {}")
    assert door.owner.get("/get-artifact", params={"run_uuid": run, "path": "model/MLmodel"}).content == b"flavors: {}"
    door.say("POST registered-models/create", {"name": name})
    door.say("POST model-versions/create", {"name": name, "source": f"runs:/{run}/model", "run_id": run})
    asked = {"name": name, "version": "1", "path": "MLmodel"}
    assert door.owner.get("/model-versions/get-artifact", params=asked).content == b"flavors: {}"
    uri = door.say("GET model-versions/get-download-uri", name=name, version="1")["artifact_uri"].removeprefix("mlflow-artifacts:/")
    assert door.owner.get(f"{STORE}/{uri}/MLmodel").content == b"flavors: {}"
    assert door.say(f"GET {STORE}", path=uri)["files"] == [{"path": "MLmodel", "is_dir": False, "file_size": 11}]
    assert door.owner.put(f"{STORE}/{uri}/MLmodel", content=b"other").status_code == 400


NO_PATHS = [
    "../x", "a/../../x", "..", "%2e%2e/x", "%2e%2e%2fx", "%252e%252e/x", "a/%2e%2e/%2e%2e/x", "a\\..\\x", "..\\x", "a%5c..%5cx",
    "a%00b", "a%0ab", "/etc/passwd", "//etc/passwd", "file:/etc/passwd", "file:///etc/passwd", "C:/x", "C:%5cx",
    "%5c%5chost%5cshare", "//host/share", "a%23b", "a%3fb", "a//b", "./a", "a/.", "a/./b", "\u2024\u2024/x", "\uff0e\uff0e/x",
    "a\uff0f..\uff0fx", "\u202ea", "x" * 4096, "/".join(["y" * 200] * 30), "http://127.0.0.1/x", "%ff%fe",
]  # fmt: skip


@pytest.mark.parametrize("path", NO_PATHS, ids=range(len(NO_PATHS)))
def test_a_path_that_is_none_is_none_for_every_use(door: Door, path: str) -> None:
    root = placed(door)
    run = root.split("/")[1]
    put(door, f"{root}/secret.txt")
    raw = f"{STORE}/{root}/{quote(path, safe='%/')}"
    for method in ("PUT", "GET", "DELETE"):
        answer = _raw(door, f"{method} {raw}")
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404")), (method, answer[:200])
        assert b"error_code" in answer
    for asked in (path, path.replace("%", "%25")):
        listed = door.ask("GET artifacts/list", run_id=run, path=asked)
        assert listed.status_code == 400 or listed.json()["files"] == [], listed.text
    for step in ("create", "complete", "abort"):
        body = b'{"path": "f", "upload_id": "u", "parts": [{}]}'
        made = _raw(door, f"POST {PROXY}/mpu/{step}/{root}/{quote(path, safe='%/')}", body=body)
        assert made.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404")) or (step == "abort" and made.startswith(b"HTTP/1.1 200")), made[:200]
    assert [file["path"] for file in door.say("GET artifacts/list", run_id=run)["files"]] == ["secret.txt"]


def _raw(door: Door, route: str, *, body: bytes = b"") -> bytes:
    """The answer to a request whose path nobody has tidied on the way."""
    host, port = door.url.removeprefix("http://").split(":")
    head = [
        f"{route} HTTP/1.1", f"Host: {host}:{port}", f"Authorization: {door.owner.headers['authorization']}",
        f"Content-Length: {len(body)}", "Content-Type: application/json", "Connection: close",
    ]  # fmt: skip
    with socket.create_connection((host, int(port)), timeout=60) as raw:
        raw.sendall("\r\n".join([*head, "", ""]).encode() + body)
        got = b""
        while part := raw.recv(65536):
            got += part
    return got


def test_a_file_comes_in_parts(door: Door) -> None:
    root, content = placed(door), bytes(range(256)) * 10_000
    made = door.say(f"POST {PROXY}/mpu/create/{root}/big", {"path": "C:\\data\\file.bin", "num_parts": 3})
    parts = []
    for credential, start in zip(made["credentials"], range(0, len(content), 1_000_000), strict=True):
        assert credential["url"].startswith(door.url)
        assert "t" * 43 not in credential["url"]
        sent = httpx.put(credential["url"], content=content[start : start + 1_000_000], headers=credential["headers"])
        assert sent.status_code == 200, sent.text
        parts.append({"part_number": credential["part_number"], "etag": sent.headers["etag"], "url": credential["url"]})
    ended = {"path": "C:\\data\\file.bin", "upload_id": made["upload_id"], "parts": parts}
    assert door.say(f"POST {PROXY}/mpu/complete/{root}/big", ended) == {}
    assert door.owner.get(f"{STORE}/{root}/big/file.bin").content == content
    door.refuse(f"POST {PROXY}/mpu/complete/{root}/big", ended, status=404, code="RESOURCE_DOES_NOT_EXIST")


def test_parts_that_do_not_fit_are_refused(door: Door) -> None:
    root = placed(door)
    made = door.say(f"POST {PROXY}/mpu/create/{root}", {"path": "f", "num_parts": 1})
    (credential,) = made["credentials"]
    ended = {"path": "f", "upload_id": made["upload_id"], "parts": [{"part_number": 1, "etag": '"none"'}]}
    door.refuse(f"POST {PROXY}/mpu/complete/{root}", ended)
    headers = {**credential["headers"], "flyball-upload-secret": "wrong"}
    assert httpx.put(credential["url"], content=b"x", headers=headers).status_code == 404
    assert httpx.put(credential["url"], content=b"x", headers={"flyball-upload-secret": "x"}).status_code == 401
    assert httpx.put(credential["url"][:-1] + "x", content=b"x", headers=credential["headers"]).status_code == 400
    assert door.say(f"POST {PROXY}/mpu/abort/{root}", {"path": "f", "upload_id": made["upload_id"]}) == {}
    assert httpx.put(credential["url"], content=b"x", headers=credential["headers"]).status_code == 404
    for given, said in (
        ({}, "'path'"),
        ({"path": "f", "num_parts": 0}, "'num_parts'"),
        ({"path": "f", "num_parts": 10_001}, "'num_parts'"),
    ):
        assert said in door.refuse(f"POST {PROXY}/mpu/create/{root}", given)


def test_a_range_can_be_asked_for_apart(door: Door) -> None:
    root = placed(door)
    put(door, f"{root}/file", content=b"0123456789")
    made = door.say(f"GET {PROXY}/presigned/{root}/file")
    assert made["file_size"] == 10
    assert httpx.get(made["url"], headers={**made["headers"], "Range": "bytes=2-4"}).content == b"234"


def test_a_file_that_is_too_large_is_refused(door: Door) -> None:
    root = placed(door)
    answer = put(door, f"{root}/large", content=b"x" * 6_000_001)
    assert (answer.status_code, answer.json()["error_code"]) == (413, "INVALID_PARAMETER_VALUE")

    def chunks() -> Iterator[bytes]:
        for _ in range(7):
            yield b"x" * 1_000_000

    assert put(door, f"{root}/large", content=chunks()).status_code == 413
    assert door.say(f"GET {STORE}", path=root)["files"] == []


def test_an_upload_that_breaks_off_leaves_nothing(door: Door) -> None:
    root = placed(door)
    host, port = door.url.removeprefix("http://").split(":")
    head = f"PUT {STORE}/{root}/f HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: {door.owner.headers['authorization']}\r\n"
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode() + b"x" * 500_000)
    assert put(door, f"{root}/g").status_code == 200
    assert [file["path"] for file in door.say(f"GET {STORE}", path=root)["files"]] == ["g"]


def test_files_of_what_is_not_there(door: Door) -> None:
    missing: dict[str, Any] = {"status": 404, "code": "RESOURCE_DOES_NOT_EXIST"}
    door.refuse(f"GET {STORE}/0/{'0' * 32}/artifacts/x", **missing)
    assert put(door, f"0/{'0' * 32}/artifacts/x").status_code == 404
    door.refuse("GET artifacts/list", run_id="0" * 32, **missing)
    for path in ("", "x", "0", "0/x", "nobody/x/artifacts/y", "0/models/x/artifacts/y"):
        assert door.owner.get(f"{STORE}/{path}").status_code == 400, path
    root = placed(door)
    door.say("POST runs/delete", {"run_id": root.split("/")[1]})
    assert put(door, f"{root}/late").status_code == 400
