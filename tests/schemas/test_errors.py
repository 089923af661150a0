from schemas.errors import HeadraceError, Malformed, Refused, Unavailable


def test_the_tree_answers_whether_to_try_again() -> None:
    assert HeadraceError("c", "m").status == 500
    assert Malformed("c", "m").status == 400
    assert Refused("c", "m").status == 401
    assert Unavailable("c", "m").status == 503
    assert Unavailable("c", "m").retry_after >= 1


def test_an_error_is_data() -> None:
    error = Malformed("json-invalid", "send JSON", status=413, where=("body", 3))
    assert (error.code, error.message, error.status, error.where) == (
        "json-invalid",
        "send JSON",
        413,
        ("body", 3),
    )
    assert str(error) == "send JSON"
    assert repr(error) == "Malformed('json-invalid', 'send JSON', status=413)"
