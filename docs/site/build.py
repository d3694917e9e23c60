"""Builds the documentation's site: ``python docs/site/build.py [--out DIR]``.

The pages are those that ``mkdocs.yml`` lists. They are copied in the folders that they
have in the repository, with every file that they link to, so that a link needs no other
form on the site than on a code host. Some things are changed on the way: notebooks
become pages, ``docs/api.md`` gets the docstrings of what it lists, links to folders
lead to their README, and links that show the name of a page's file show its title. Any
warning is an error, and so is a page that would load something from another host.
"""

import argparse
import os
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
CONFIG = HERE / "mkdocs.yml"

LINK = re.compile(r"(?<=\]\()(?P<target>[^)#\s]*)(?P<anchor>#[^)\s]*)?(?=\))")
FILE_AS_TEXT = re.compile(
    r"\[[\w./-]+\.(?:md|ipynb)\](?=\((?P<target>[^)#\s]+)(?:#[^)\s]*)?\))"
)
CODE = re.compile(r"^```.*?^```|(?<=\n\n)(?: {4}[^\n]*\n)+", re.MULTILINE | re.DOTALL)
# A line of docs/api.md: the name, and the file that defines it.
DEFINED = re.compile(r"^- \[`(\w+)`\]\(\.\./([\w/]+)\.py\).*$", re.MULTILINE)
LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^\"'\s>]*"
    r"|<link\b(?![^>]*\brel=[\"']?canonical)[^>]*\bhref=[\"']?(?:https?:)?//[^\"'\s>]*"
)


def main(argv=None) -> None:
    """Builds the site and prints where it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=REPOSITORY / "build/site", metavar="DIR"
    )
    out = parser.parse_args(argv).out.resolve()
    clear(out)
    stage(out)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(
        command,
        cwd=out,
        env=os.environ | {"NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout, end="", flush=True)
    # What is wrong with docstrings is told, but not counted as a warning.
    if done.returncode or re.search("^griffe:", done.stdout, re.MULTILINE):
        sys.exit("error: the site has warnings, see above")
    foreign = sorted(set(loaded_from_elsewhere(out / "html")))
    if foreign:
        sys.exit("error: pages load from other hosts:\n" + "\n".join(foreign))
    site = out / "html"
    print(f"the site: {site / 'index.html'}, without search; with it, by a server:")
    print(f"  {sys.executable} -m http.server --bind 127.0.0.1 --directory {site}")


def clear(out: Path) -> None:
    """Removes an earlier site; refuses to remove anything else."""
    if not out.exists():
        return
    if not (out / "pages").is_dir() or not (out / "mkdocs.yml").is_file():
        sys.exit(f"error: {out} is there, and no site of this script; name another DIR")
    shutil.rmtree(out)


def pages() -> dict[str, str]:
    """Returns the title of every page of the navigation, by its path."""
    return dict(_leaves(yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["nav"]))


def _leaves(entries) -> Iterator[tuple[str, str]]:
    for entry in entries:
        for title, inner in entry.items():
            if isinstance(inner, str):
                yield inner, title
            else:
                yield from _leaves(inner)


def links(text: str) -> Iterator[tuple[str, str]]:
    """Yields target and anchor of the links within the repository, outside of code."""
    for found in LINK.finditer(CODE.sub("", text)):
        if "://" not in found["target"]:
            yield found["target"], (found["anchor"] or "").removeprefix("#")


def resolve(page: str, target: str) -> str:
    """Returns the path in the repository of what a page links to."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
    return f"{path}/README.md" if (REPOSITORY / path).is_dir() else path


def stage(out: Path) -> None:
    """Writes the configuration, all pages, and what they link to."""
    listed = pages()
    for page in listed:
        text = _read(page, out / "pages")
        for target, _ in links(text):
            path = resolve(page, target)
            if target and path not in listed:
                _copy(path, out / "pages")
        target = out / "pages" / _page_name(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        content = _relink(page, _with_titles(page, text, listed))
        target.write_text(content, encoding="utf-8")
    config = CONFIG.read_text(encoding="utf-8").replace(".ipynb", ".md")
    config = config.replace("../..", REPOSITORY.as_posix())
    (out / "mkdocs.yml").write_text(config, encoding="utf-8")


def _read(page, folder):
    """The text of a page; pictures of a notebook are written beside it."""
    if page.endswith(".ipynb"):
        from nbconvert import MarkdownExporter

        text, resources = MarkdownExporter().from_filename(str(REPOSITORY / page))
        for name, content in resources["outputs"].items():
            path = folder / posixpath.dirname(page) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return text
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    if page == "docs/api.md":
        text = DEFINED.sub(lambda line: _directive(line[1], line[2]), text)
    return text


def _directive(name, file):
    return f"::: {file.replace('/', '.')}.{name}"


def _with_titles(page, text, titles):
    """The text, in which links show titles where they showed names of files."""

    def titled(link):
        title = titles.get(resolve(page, link["target"]))
        return f"[{title}]" if title else link[0]

    return FILE_AS_TEXT.sub(titled, text)


def _relink(page, text):
    """The text with links to pages by the names that they have on the site."""

    def replaced(link):
        if "://" in link["target"] or not link["target"]:
            return link[0]
        path = _page_name(resolve(page, link["target"]))
        start = posixpath.dirname(page) or "."
        return posixpath.relpath(path, start) + (link["anchor"] or "")

    return LINK.sub(replaced, text)


def _page_name(path):
    return re.sub(r"\.ipynb$", ".md", path)


def _copy(path, folder):
    target = folder / path
    if target.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(REPOSITORY / path, target)


def loaded_from_elsewhere(html: Path) -> Iterator[str]:
    """Yields what pages load from other hosts; links to follow are none of it."""
    for path in html.rglob("*.html"):
        for found in LOADED.finditer(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(html)}: {found[0]}"


if __name__ == "__main__":
    main()
