"""The script that builds the demo data, run on a small package made for the test."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

SCRIPT = Path(__file__).parents[2] / "scripts" / "build_demo_data.py"
STAMPS = "usr/share/tuxpaint/stamps"


@pytest.fixture(scope="module")
def script():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("build_demo_data", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def add_stamp(package, name, english, chinese):
    """Put a picture with a transparent edge and its caption file into a package."""
    path = package / STAMPS / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGBA", (300, 120), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((20, 10, 280, 110), fill=(200, 40, len(name) * 5 % 256, 255))
    picture.save(path)
    translation = f"zh_CN.utf8={chinese}\n" if chinese else ""
    path.with_suffix(".txt").write_text(f"{english}\nzh_TW.utf8=別的\n{translation}", encoding="utf-8")


@pytest.fixture
def package(script, tmp_path):
    """An extracted package with one photograph a category, a cartoon and a photograph without a Chinese caption."""
    root = tmp_path / "package"
    for number, category in enumerate(script.CATEGORIES):
        add_stamp(root, f"{category}/photo", f"A thing of {category}.", f"东西{number}。")
    add_stamp(root, "animals/cartoon/happy", "A happy drawing.", "画。")
    add_stamp(root, "animals/untranslated", "An untranslated thing.", "")
    (root / script.CHANGELOG).parent.mkdir(parents=True)
    write_version(script, root, script.PACKAGE_VERSION)
    return root


def write_version(script, root, version):
    """Write a Debian changelog that names a version."""
    (root / script.CHANGELOG).write_bytes(gzip.compress(f"tuxpaint-stamps ({version}) unstable\n".encode()))


def write_left_out(path, *rows):
    """Write a list of left-out photographs: pairs of a name and a reason."""
    lines = ["source,reason,note", *(f"{STAMPS}/{name}.png,{reason}," for name, reason in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("A frog.", "frog"),
        ("An owl.", "owl"),
        ("The Earth. Our planet!", "Earth. Our planet!"),
        ("Another bird.", "Another bird"),
    ],
)
def test_english_captions_lose_article_and_period(script, raw, clean):
    """Only a whole leading article and only the final period go."""
    assert script.clean_english(raw) == clean


@pytest.mark.parametrize(
    ("raw", "english", "clean"),
    [("青蛙。", "A frog.", "青蛙"), ("乌鸦！", "A crow.", "乌鸦"), ("吃椰菜！", "Eat your broccoli!", "吃椰菜！")],
)
def test_chinese_captions_lose_the_final_mark(script, raw, english, clean):
    """A final 。 goes, and a final ！ stays only where the English sentence has one too."""
    assert script.clean_chinese(raw, english=english) == clean


def test_build_keeps_photographs_with_both_captions(script, package, tmp_path):
    """Cartoons and untranslated stamps are not taken; the rest is numbered in the order of the categories."""
    rows = script.build(package, tmp_path / "out", write_left_out(tmp_path / "left_out.csv"))
    assert [row["category"] for row in rows] == list(script.CATEGORIES)
    assert [row["text_en"] for row in rows][:2] == ["thing of animals", "thing of food"]
    assert [row["text_zh"] for row in rows][:2] == ["东西0", "东西1"]
    with (tmp_path / "out" / "demo.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == rows


def test_build_puts_pictures_on_white_and_shrinks_them(script, package, tmp_path):
    """A large transparent picture becomes an RGB one of 224 pixels a side with white corners."""
    script.build(package, tmp_path / "out", write_left_out(tmp_path / "left_out.csv"))
    with Image.open(tmp_path / "out" / "images" / "000.webp") as image:
        assert image.size == (224, 90)
        assert min(image.getpixel((0, 0))) > 250


def test_build_writes_the_same_bytes_twice_and_clears_stale_files(script, package, tmp_path):
    """A second build over the first, and one elsewhere, give equal files, and a stale picture is gone."""
    left_out = write_left_out(tmp_path / "left_out.csv")
    for name in ("one", "two"):
        script.build(package, tmp_path / name, left_out)
    (tmp_path / "one" / "images" / "777.webp").write_bytes(b"stale")
    script.build(package, tmp_path / "one", left_out)
    contents = [
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    ]
    assert len(contents[0]) == 1 + 2 * len(script.CATEGORIES)
    assert contents[0] == contents[1]


def test_clips_go_to_the_largest_pictures_of_each_category_in_turn(script):
    """No category gets a further clip before every other has had its turn, and large pictures come first."""
    rows = [script.Stamp("animals", f"a{i}", "", "") for i in range(40)] + [script.Stamp("food", "f", "", "")]
    sizes = [*range(40), 1]
    assert script.choose_clips(rows, sizes) == [*range(17, 40), 40]


def test_left_out_photographs_are_not_in_the_table(script, package, tmp_path):
    """A photograph on the list is not taken."""
    left_out = write_left_out(tmp_path / "left_out.csv", ("food/photo", "caption"))
    rows = script.build(package, tmp_path / "out", left_out)
    assert "food" not in {row["category"] for row in rows}


def test_a_list_that_does_not_fit_is_refused(script, package, tmp_path):
    """An unknown photograph and an unknown reason are named in the error."""
    with pytest.raises(ValueError, match=r"food/phto\.png.*Remove or correct"):
        script.build(package, tmp_path, write_left_out(tmp_path / "a.csv", ("food/phto", "caption")))
    with pytest.raises(ValueError, match=r"'ugly'.*Use one of them"):
        script.build(package, tmp_path, write_left_out(tmp_path / "b.csv", ("food/photo", "ugly")))


def test_twins_and_too_many_rows_are_refused(script, package, tmp_path):
    """Two rows with one caption are named; so is a category over the cap."""
    left_out = write_left_out(tmp_path / "left_out.csv")
    add_stamp(package, "food/second", "Another dish.", "东西1。")
    with pytest.raises(ValueError, match=r"东西1.*must be unique"):
        script.build(package, tmp_path / "out", left_out)
    for number in range(script.MOST_ROWS_PER_CATEGORY):
        add_stamp(package, f"space/star{number}", f"Star {number}.", f"星{number}")
    with pytest.raises(ValueError, match="'space' has 46 rows"):
        script.build(package, tmp_path / "out", left_out)


def test_a_folder_that_is_not_the_package_is_refused(script, package, tmp_path):
    """An empty folder, another version and a missing list each get an error that says what to do."""
    left_out = write_left_out(tmp_path / "left_out.csv")
    with pytest.raises(FileNotFoundError, match="dpkg-deb -x"):
        script.build(tmp_path, tmp_path / "out", left_out)
    with pytest.raises(FileNotFoundError, match="--left-out"):
        script.build(package, tmp_path / "out", tmp_path / "absent.csv")
    write_version(script, package, "2099.01.01-1")
    with pytest.raises(ValueError, match=r"2099\.01\.01-1.*2022\.06\.04-1"):
        script.build(package, tmp_path / "out", left_out)


def test_nothing_is_written_when_the_package_is_refused(script, package, tmp_path):
    """A category folder that is missing stops the build before the first file."""
    for path in (package / STAMPS / "space").iterdir():
        path.unlink()
    (package / STAMPS / "space").rmdir()
    with pytest.raises(FileNotFoundError, match="space"):
        script.build(package, tmp_path / "out", write_left_out(tmp_path / "left_out.csv"))
    assert not (tmp_path / "out").exists()


def test_the_command_line_ends_with_the_message_and_no_traceback(script, tmp_path, monkeypatch):
    """A wrong folder ends the program with the error's text."""
    monkeypatch.setattr(sys, "argv", ["build_demo_data.py", "--stamps", str(tmp_path)])
    with pytest.raises(SystemExit, match="is not an extracted tuxpaint-stamps-default"):
        script.main()
