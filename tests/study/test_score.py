"""`ccfpse study score`: hand-made answers, and files that do not fit."""

import json

import pytest

from ccfpse_tf.commands import main
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.study.score import score
from tests.study.files import answer, write_key, write_result


@pytest.fixture
def study(tmp_path):
    write_key(tmp_path / "key.json", pairs=4, checks=2, repeats=1)
    (tmp_path / "results").mkdir()
    return tmp_path


def _answers(values, checks="gg", again="a"):
    given = [answer(f"p{i}", value) for i, value in enumerate(values)]
    given += [answer(f"c{i}", value, "right") for i, value in enumerate(checks)]
    # The first pair again: its picture that was left is right now.
    return given + [
        answer("p0", again, "right" if again == values[0] else "left", True)
    ]


def test_score_by_hand(study):
    results = study / "results"
    write_result(results / "1.json", "Ada", _answers("aaab"))
    write_result(results / "2.json", "Bo", _answers("abab", again="b"))
    write_result(results / "3.json", "Cy", _answers("bbbb", checks="gs", again="b"))
    outcome = score([results])
    ada, bo, cy = outcome.raters
    assert ada.prefers_a == (3, 4) and bo.prefers_a == (2, 4)
    assert ada.consistent == (1, 1) and bo.consistent == (0, 1)
    assert (ada.answers, ada.chose_left) == ((7, 7), (4, 5))
    assert cy.passed == (1, 2) and not cy.attentive
    assert ada.passed == (2, 2) and ada.attentive
    attentive, everyone = outcome.attentive, outcome.everyone
    assert (attentive.raters, attentive.prefers_a) == (2, (5, 8))
    assert (everyone.raters, everyone.prefers_a) == (3, (5, 12))
    assert attentive.p_value == 2 * (1 + 8 + 28 + 56) / 256
    # Pairs aa, ab, aa, bb: one unit of four split, 5 a and 3 b.
    assert attentive.agreement == 0.75
    assert attentive.alpha == pytest.approx(1 - 7 * 2 / (64 - 25 - 9))


def test_results_as_people_send_them(study):
    results = study / "results"
    for name, rater in (("1.JSON", "Ada"), ("2.json", "Bo")):
        path = write_result(results / name, rater, _answers("aaab"))
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    (results / "._2.json").write_bytes(b"\0\5\x16\7")
    assert [rater.rater for rater in score([results]).raters] == ["Ada", "Bo"]
    (results / "3.json").write_bytes("{}".encode("utf-16"))
    with pytest.raises(DataErrors, match="3.json: cannot be read as a file of answers"):
        score([results])


def test_text_and_json_say_the_same(study, capsys):
    path = write_result(study / "results" / "1.json", "Ada", _answers("aaab"))
    assert main.run(["study", "score", str(path)]) == 0
    text = capsys.readouterr().out
    assert "A preferred   75.0% (3 of 4 answers)" in text
    assert "A: ours" in text and "asked: which?" in text
    assert "note: 1 rater: the interval over raters needs 10 or more" in text
    key = str(study / "key.json")
    assert main.run(["study", "score", str(path), "--key", key, "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert fields["attentive"]["share"] == 0.75
    assert fields["attentive"]["clustered"] is None
    assert fields["raters"][0]["median_seconds"] == 2


def test_incomplete_answers_count_and_are_told(study):
    write_result(study / "1.json", "Ada", _answers("aaab")[:2])
    outcome = score([study / "1.json"])
    assert outcome.attentive.prefers_a == (2, 2)
    assert "Ada has answered 2 of 7; these answers count" in outcome.notes
    assert "Ada has not answered an attention check, and is kept" in outcome.notes


def test_nobody_attentive_is_no_result(study):
    write_result(study / "1.json", "Ada", _answers("aaab", checks="ss"))
    outcome = score([study / "1.json"])
    assert outcome.attentive.share is None
    assert outcome.everyone.share == 0.75
    assert any("there is no result" in note for note in outcome.notes)
    assert score([study / "1.json"], pass_share=0).attentive.share == 0.75


def _change(index, **changes):
    answers = _answers("aaab")
    answers[index] = answers[index] | changes
    return {"answers": answers}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"study": "another"}, "belongs to study 'another'"),
        ({"kind": "ccfpse study key"}, "is not a ccfpse study result"),
        ({"format": 2}, "has format 2, this version reads 1"),
        ({"answers": None}, "is damaged"),
        ({"rater": ""}, "rater and session must be texts"),
        (_change(0, choice="up"), "choice 'up'; allowed left, right"),
        (_change(0, left="pictures/b1.png"), "pictures that are not its own"),
        (_change(0, trial="p9"), "trial 'p9' is not in the study"),
        (_change(1, trial="p0", left="a0.png", right="b0.png"), "p0 is answered twice"),
        (_change(0, seconds=float("nan")), "seconds nan"),
        (_change(6, left="pictures/a0.png", right="pictures/b0.png"), "sides swapped"),
        (_change(4, repeat=True), "repeat True"),
    ],
)
def test_files_that_do_not_fit(study, changes, message):
    fields = {"rater": "Ada", "answers": _answers("aaab")} | changes
    path = write_result(study / "1.json", **fields)
    with pytest.raises(DataErrors, match="1 problem in the results") as caught:
        score([path], study / "key.json")
    assert message in str(caught.value) and str(path) in str(caught.value)


def test_all_files_that_do_not_fit_are_named(study):
    results = study / "results"
    write_result(results / "1.json", "Ada", _answers("aaab"))
    write_result(results / "2.json", "Ada", _answers("aaab"))
    write_result(results / "3.json", "Bo", _answers("aaab")[:3], session="x")
    write_result(results / "4.json", "Bo", _answers("aaab"), session="x")
    (results / "5.json").write_text("{")
    with pytest.raises(DataErrors, match="3 problems") as caught:
        score([results])
    message = str(caught.value)
    assert "2.json: rater 'Ada' is also in" in message
    assert "4.json: the same session as" in message and "(7 and 3 answers)" in message
    assert "5.json: cannot be read as a file of answers" in message


def test_wrong_options(study, tmp_path):
    path = write_result(tmp_path / "1.json", "Ada", _answers("aaab"))
    with pytest.raises(InputError, match="--pass-checks 80.0: allowed 0..1"):
        score([path], pass_share=80.0)
    with pytest.raises(InputError, match="no such file; expected the study's key"):
        score([path], tmp_path / "nowhere.json")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    with pytest.raises(InputError, match="with --key FILE"):
        score([tmp_path / "deep" / "er"])
