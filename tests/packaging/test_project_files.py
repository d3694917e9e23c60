"""Files that other programs read: workflows, forms, the citation, the lock file."""

import re
import subprocess
import sys
import tomllib

import pytest

import ccfpse_tf

yaml = pytest.importorskip("yaml", reason="needs pip install '.[test]'")
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


@pytest.fixture(scope="module")
def project(repository):
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]


def read(path):
    """Reads a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_workflows_may_only_read_and_run_pinned_actions(repository):
    paths = sorted((repository / ".github" / "workflows").glob("*.y*ml"))
    assert paths
    for path in paths:
        workflow = read(path)
        assert workflow["permissions"] == {"contents": "read"}, path
        assert {"push", "pull_request"} <= {*workflow[True]}, path  # YAML's `on`
        for job in workflow["jobs"].values():
            assert {"runs-on", "timeout-minutes", "steps"} <= {*job}
            assert "permissions" not in job
            used = [step["uses"] for step in job["steps"] if "uses" in step]
            assert used and all(map(PINNED.fullmatch, used)), used
        lines = path.read_text(encoding="utf-8").splitlines()
        assert all(re.search(r"# v\d", line) for line in lines if "uses: " in line)


def test_the_matrix_and_the_classifiers_say_what_may_be_used(repository, project):
    tests = read(repository / ".github" / "workflows" / "tests.yml")["jobs"]["tests"]
    matrix = tests["strategy"]["matrix"]["python"]
    prefix = "Programming Language :: Python :: 3."
    classified = [x for x in project["classifiers"] if x.startswith(prefix)]
    assert [x.rpartition(" ")[2] for x in classified] == matrix
    first, last = (matrix[i].partition(".")[2] for i in (0, -1))
    assert project["requires-python"] == f">=3.{first},<3.{int(last) + 1}"


def test_dependencies_are_kept_up_to_date(repository):
    updates = read(repository / ".github" / "dependabot.yml")
    assert updates["version"] == 2
    kinds = {x["package-ecosystem"]: x for x in updates["updates"]}
    assert {*kinds} == {"uv", "github-actions", "docker"}
    assert all(x["directory"] == "/" and x["schedule"] for x in kinds.values())


def test_forms_ask_for_what_answers_need(repository):
    folder = repository / ".github" / "ISSUE_TEMPLATE"
    forms = {path.stem: read(path) for path in folder.glob("*.yml")}
    assert forms.pop("config") == {"blank_issues_enabled": False}
    for form in forms.values():
        assert form["name"] and form["description"]
        fields = {field["id"]: field for field in form["body"]}
        assert len(fields) == len(form["body"])
        for field in fields.values():
            assert field["type"] in ("textarea", "input", "dropdown", "checkboxes")
            assert field["attributes"]["label"]
        assert "`ccfpse doctor`" in fields["doctor"]["attributes"]["label"]
    assert {"bug", "request"} == {*forms}
    assert forms["bug"]["body"][3]["validations"] == {"required": True}


def test_the_citation_names_this_version_and_the_paper(repository, project):
    cited = read(repository / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= {*cited}
    assert cited["version"] == ccfpse_tf.__version__
    assert cited["license"] == project["license"]
    (paper,) = cited["references"]
    names = [author["family-names"] for author in paper["authors"]]
    assert names == ["Liu", "Yin", "Shao", "Wang", "Li"] and paper["year"] == 2019
    assert paper["identifiers"][0]["value"] == "arXiv:1910.06809"


def test_the_lock_file_fits_the_dependencies(repository):
    pytest.importorskip("uv", reason="needs pip install '.[test]'")
    found = subprocess.run(
        [sys.executable, "-m", "uv", "lock", "--check", "--offline"],
        cwd=repository,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, f"{found.stderr}\nrun `uv lock`, and commit uv.lock"
