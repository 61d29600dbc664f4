"""A .proto file of ours is read as its compiler would read it, or it is said where not."""

from __future__ import annotations

import pytest

from flyball.predict.grpc.protofile import ProtoSyntaxError, parse


def test_what_a_file_declares_stands_in_its_descriptor() -> None:
    found = parse(
        "a.proto",
        """
        // A comment; with words = 3;
        syntax = "proto3";
        package some.where;
        enum Kind { NONE = 0; ONE = 1; }
        message Outer {
          message Inner { repeated int64 shape = 3; }
          map<string, Inner> by_name = 1;
          oneof choice { bool yes = 2; string word = 4; }
          Kind kind = 5;
        }
        service Asked { rpc Once(Outer) returns (Outer); rpc Often(stream Outer) returns (stream Outer); }
        """,
    )
    outer = found.message_type[0]
    assert (found.package, found.enum_type[0].value[1].number) == ("some.where", 1)
    assert [(field.name, field.number) for field in outer.field] == [("by_name", 1), ("yes", 2), ("word", 4), ("kind", 5)]
    assert [kind.name for kind in outer.nested_type] == ["Inner", "ByNameEntry"]
    assert outer.nested_type[1].options.map_entry
    assert [field.oneof_index for field in outer.field if field.HasField("oneof_index")] == [0, 0]
    assert [(method.client_streaming, method.server_streaming) for method in found.service[0].method] == [(False, False), (True, True)]


@pytest.mark.parametrize(
    "text",
    [
        'syntax = "proto2";', 'import "other.proto";', "message A {", "message A { string b 1; }", "service A { stream B; }", "message A ~",
    ],
)  # fmt: skip
def test_what_the_reader_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(ProtoSyntaxError, match=r"a\.proto"):
        parse("a.proto", text)
