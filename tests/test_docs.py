"""The documentation: its navigation, its links, and the site that is made of it."""

import importlib.util
import json
import re
import subprocess
import sys

import pytest
import yaml

import ccfpse_tf

UNLISTED = {"docs/cards"}  # texts for model cards, which `preset --card` reads
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
LARGEST = 1_000_000  # bytes of all screenshots


@pytest.fixture(scope="module")
def site(repository):
    """The script that builds the site."""
    path = repository / "docs/site/build.py"
    spec = importlib.util.spec_from_file_location("build_site", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text_of(path):
    """The Markdown of a page; of a notebook, that of its cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    cells = [x for x in cells if x["cell_type"] == "markdown"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def anchors(text, code):
    """The anchors of a page's headings, as code hosts and the site make them."""
    found = set()
    for heading in HEADING.findall(code.sub("", text)):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        words = re.sub(r"[^\w\s-]", "", plain.lower()).split()
        found.add("-".join(words))
    return found


def test_every_page_is_in_the_navigation(site, repository):
    listed = site.pages()
    texts = [*repository.glob("docs/**/*.md"), *repository.glob("docs/**/*.ipynb")]
    found = {str(path.relative_to(repository)) for path in texts}
    found -= {p for p in found for folder in UNLISTED if p.startswith(folder)}
    missing = found - {*listed}
    assert not missing, f"add them to nav in docs/site/mkdocs.yml: {sorted(missing)}"
    assert [page for page in listed if not (repository / page).is_file()] == []
    assert len({*listed.values()}) == len(listed), "two pages have one title"


def test_the_list_of_pages_names_every_page(site, repository):
    text = (repository / "docs/README.md").read_text()
    named = {site.resolve("docs/README.md", target) for target, _ in site.links(text)}
    cards = {page for page in site.pages() if page.startswith("ccfpse_tf/presets/")}
    assert {*site.pages()} - named - cards == {"docs/README.md"}


def test_links_lead_somewhere(site, repository):
    wrong = []
    for page in site.pages():
        for target, anchor in site.links(text_of(repository / page)):
            path = site.resolve(page, target) if target else page
            if not (repository / path).is_file():
                wrong.append(f"{page}: {target}")
            elif anchor and path.endswith(".md"):
                there = anchors(text_of(repository / path), site.CODE)
                if anchor not in there:
                    wrong.append(f"{page}: {target}#{anchor}")
    assert wrong == []


def test_links_and_anchors_are_read(site):
    text = "# `a` b: [c](d.md)!\n[x](y.md#z) [p](#q) [w](https://a.b/c)\n"
    text += "```\n# none\n[x](none.md)\n```\n\n    [x](none.md)\n"
    found = [("d.md", ""), ("y.md", "z"), ("", "q")]
    assert [*site.links(text)] == found
    assert anchors(text, site.CODE) == {"a-b-c"}


def test_pages_have_no_leftovers_of_merges(site, repository):
    for page in site.pages():
        assert not re.search("^(<{7}|={7}$|>{7})", text_of(repository / page), re.M)


def test_the_reference_names_everything_public(site, repository):
    text = (repository / "docs/api.md").read_text()
    listed = {name: file for name, file in site.DEFINED.findall(text)}
    public = {*ccfpse_tf.__all__} - {"__version__"}
    homes = {name: ccfpse_tf._HOME[name].replace(".", "/") for name in public}
    assert listed == homes


def test_the_readme_is_short_before_its_picture(repository):
    before, picture, _ = (repository / "README.md").read_text().partition("\n![")
    assert picture and len(before.splitlines()) <= 25
    assert "make demo" in before and "make test" in before


def test_screenshots_are_small(repository):
    pictures = [repository / f"docs/{name}.jpg" for name in ("painting", "gallery")]
    assert sum(path.stat().st_size for path in pictures) < LARGEST


def test_what_pages_load_from_elsewhere_is_found(site, tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="https://a.b/"></a><link rel="canonical" href="https://a.b/c">'
        '<script src="assets/a.js"></script><img src=data:image/png;base64,AA>'
        '<script async src="https://c.d/e.js"></script><img src=//f.g/h>'
        '<link href="http://i.j/k.css" rel="stylesheet">'
    )
    found = [each.rpartition("//")[2] for each in site.loaded_from_elsewhere(tmp_path)]
    assert sorted(found) == ["c.d/e.js", "f.g/h", "i.j/k.css"]


def test_pages_are_staged_as_they_lie(site, tmp_path, monkeypatch):
    monkeypatch.setattr(
        site, "pages", lambda: {"README.md": "Home", "docs/api.md": "Names"}
    )
    site.stage(tmp_path)
    home = (tmp_path / "pages/README.md").read_text()
    assert "](docs/presets.jpg)" in home
    assert (tmp_path / "pages/docs/presets.jpg").is_file()
    assert (tmp_path / "pages/docs/python.md").is_file()  # since it is linked to
    text = (tmp_path / "pages/docs/api.md").read_text()
    assert "::: ccfpse_tf.gan.ccfpse.CCFPSE\n" in text
    config = yaml.safe_load((tmp_path / "mkdocs.yml").read_text())
    assert ".ipynb" not in str(config["nav"])


def test_only_an_earlier_site_is_replaced(site, tmp_path, monkeypatch):
    monkeypatch.setattr(site, "pages", lambda: {"docs/install.md": "Install"})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/mkdocs.yml").touch()
    with pytest.raises(SystemExit, match="mine is there, and no site of this script"):
        site.clear(tmp_path / "mine")
    assert (tmp_path / "mine/mkdocs.yml").is_file()
    site.stage(tmp_path / "made")
    site.clear(tmp_path / "made")
    assert not (tmp_path / "made").exists()
    site.clear(tmp_path / "made")


@pytest.mark.slow
def test_the_site_is_built_without_warnings(site, repository, tmp_path):
    for name in ("zensical", "mkdocstrings", "nbconvert"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"needs {name}: pip install 'ccfpse-tf[docs]'")
    path = repository / "docs/site/build.py"
    command = [sys.executable, path, "--out", tmp_path / "site"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    made = len([*(tmp_path / "site/html").rglob("*.html")])
    assert made == len(site.pages()) + 1  # and the page for what is not found
    names = (tmp_path / "site/html/docs/api.html").read_text()
    assert "conditional_depthwise_convolution" in names and ":func:" not in names
