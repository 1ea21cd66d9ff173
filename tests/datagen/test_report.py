import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from seglearn.datasets import load_watch

from datagen.sample import Sample
from datagen.seeing import report
from datagen.seeing import survey as survey_module
from datagen.seeing.real_watches import PERCENTILES, WATCHES, shoulder_recordings
from datagen.seeing.survey import spectrum
from datagen.shards import Failure, load_manifest, read_shard
from tests.datagen.made_shards import made_shards
from tests.datagen.test_shards import made_sample, summed, written


class Page(HTMLParser):
    """The tables of a page as rows of texts, and everything that it would load."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.loads, self.text, self.in_cell = [], [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.loads += [value for name, value in attributes if name in ("src", "href", "srcset")]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        self.in_cell = tag in ("td", "th")

    def handle_endtag(self, tag):
        self.in_cell = False

    def handle_data(self, data):
        self.text += data
        if self.in_cell:
            self.rows[-1][-1] += data

    def row(self, first):
        """Return the cells behind the first one of a row."""
        return next(row[1:] for row in self.rows if row and row[0] == first)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return made_shards(tmp_path_factory.mktemp("shards"), bad="thumbs", bodies=4)


@pytest.fixture(scope="module")
def page(shards):
    report.main([str(shards)])
    return Page((shards / "report.html").read_text())


def samples_of(folder):
    return [s for info in load_manifest(folder).shards for s in read_shard(info.path(folder))]


def test_a_report_needs_nothing_beside_it(page, shards):
    assert len(page.loads) >= 4
    for load in page.loads:
        head, code = load.split(",", 1)
        assert head == "data:image/png;base64"
        assert base64.b64decode(code).startswith(b"\x89PNG\r\n")
    text = (shards / "report.html").read_text()
    assert not re.search(r"<script|<link|@import|url\(", text)


def test_its_signal_ranges_are_those_of_the_shards(page, shards):
    samples = samples_of(shards)
    for row, sensors in (("all", [0, 1]), ("left sensor", [0]), ("right sensor", [1])):
        truth = []
        for name in ("acc_NTW3", "gyro_NTW3"):
            signals = [getattr(sample, name)[:, :, sensors].astype(float) for sample in samples]
            sizes = [np.sqrt((signal**2).sum(-1)).ravel() for signal in signals]
            truth += list(np.percentile(np.concatenate(sizes), [50, 90, 99, 99.9]))
        assert [float(cell) for cell in page.row(row)] == pytest.approx(truth, abs=0.0501)
    assert page.row(WATCHES[0].name) == "10.5 15.8 28.6 40.4 2.0 4.6 7.6 9.4".split()


def test_its_hours_and_bodies_are_those_of_the_shards(page, shards):
    samples = samples_of(shards)
    hours = {
        split: sum(len(s.pose_TJ3) for s in samples if s.meta["split"] == split) / 60 / 3600
        for split in ("train", "validation")
    }
    row = page.row("choreography")
    assert [float(cell) for cell in row[:3]] == pytest.approx(
        [*hours.values(), sum(hours.values())], abs=0.00501
    )
    assert row[3] == str(len(samples))
    for name, label, half in (("stature", "stature, m", 0.00501), ("mass", "mass, kg", 0.501)):
        values = np.concatenate([sample.meta["people"][name][1:] for sample in samples])
        truth = np.percentile(values, [50, 5, 95])
        assert [float(cell) for cell in page.row(label)] == pytest.approx(truth, abs=half)
    assert f"{3 * len(samples)} bodies drawn" in page.text


def test_bad_clips_actions_and_placement_are_told(page, shards):
    assert page.row("has 12 NaN values") == ["choreography/0-00001-thumbs-up", "1"]
    forehand = next(s for s in samples_of(shards) if "forehand" in s.meta["clip"])
    text, minutes = page.row("forehand")
    assert text == forehand.meta["text"]
    assert float(minutes) == pytest.approx(len(forehand.pose_TJ3) / 3600, abs=0.0501)
    assert page.row("text") == ["made, 8 values"]
    assert "on the segment of left_elbow, 90 % of the way to left_wrist" in page.text


def test_clips_of_one_body_have_no_people_to_tell_of(tmp_path):
    shards = made_shards(tmp_path / "shards", bodies=1)
    report.main([str(shards)])
    assert "Each clip has the 1.70 m body alone." in (shards / "report.html").read_text()


def with_meta(sample, **meta):
    people = {"stature": [1.7, 1.8, 1.9], "mass": [70.0, 80.0, 90.0]}
    people |= {name: [1.0, 1.1, 0.9] for name in ("arms", "legs", "torso", "shoulders")}
    full = {"action": "", "people": people}
    return Sample(**{**vars(sample), "meta": sample.meta | full | meta})


@pytest.fixture
def many(tmp_path):
    """A folder of eight small shards of two sources, some without a sentence that is harmless."""
    infos = []
    for index in range(8):
        clip = f"made/{index}"
        sample = with_meta(
            made_sample(f"{clip}-000", seed=index), clip=clip, text="<script>alert(1)</script> $x"
        )
        failures = [Failure(f"made/bad{index}", f"has {index + 3} frames")]
        infos.append(written(tmp_path / "many", index, [sample], failures))
    summed(tmp_path / "many", infos)
    manifest = tmp_path / "many" / "manifest.json"
    watch = '{"left": {"segment": "left_hip", "towards": "", "share": 0, "lever_arm": [0, 0, 0.1], '
    watch += '"axes": []}}'
    manifest.write_text(
        manifest.read_text().replace('"placement": "watch"', f'"placement": {watch}')
    )
    return tmp_path / "many"


def test_a_large_folder_is_sampled_evenly_and_says_so(datagen, many, monkeypatch):
    monkeypatch.setattr(survey_module, "MOST_FRAMES", 600)  # of 8 shards of 150 frames
    monkeypatch.setattr(survey_module, "MOST_BODY_FRAMES", 500)  # of 4 x 150 frames of 3 bodies
    status, out, err = datagen("report", many, "--to", "page.html")
    assert status == 0, err
    assert "read were 4 of 8 shards" in out
    assert "one of 4 frames" in out
    page = Page(Path("page.html").read_text())
    samples = samples_of(many)[::2]
    sizes = [np.linalg.norm(s.acc_NTW3[:, ::4].astype(float), axis=-1).ravel() for s in samples]
    truth = np.percentile(np.concatenate(sizes), [50, 90, 99, 99.9])
    assert [float(cell) for cell in page.row("all")[:4]] == pytest.approx(truth, abs=0.0501)


def test_what_clips_say_is_text_and_reasons_of_one_kind_are_one_row(datagen, many):
    status, _, err = datagen("report", many)
    assert status == 0, err
    text = (many / "report.html").read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; $x" in text
    assert "<script" not in text
    assert Page(text).row("has 3 frames") == ["made/bad0", "8"]


def test_a_mistake_ends_with_one_line(datagen, refused, many, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "has no manifest.json" in refused("report", "empty")
    assert "no such folder" in refused("report", "absent")
    bad = written(tmp_path / "bad", 0, [], [Failure("made/a", "has NaN values")])
    summed(tmp_path / "bad", [bad])
    assert "holds no samples, only bad clips" in refused("report", "bad")
    (tmp_path / "file").write_text("")
    status, _, err = datagen("report", many, "--to", "file/page.html")
    assert status == 2
    assert "file/page.html: cannot be written to: File exists; or give another" in err


def test_the_constants_of_the_real_watch_are_those_of_its_recordings():
    recordings = shoulder_recordings()
    assert len(recordings) == len(load_watch()["X"])
    for channels, told in ((slice(0, 3), WATCHES[0].acc), (slice(3, 6), WATCHES[0].gyro)):
        sizes = np.concatenate([np.linalg.norm(one[:, channels], axis=1) for one in recordings])
        assert np.percentile(sizes, PERCENTILES) == pytest.approx(told, rel=0.01)


def test_a_spectrum_holds_the_power_of_a_sine_at_its_frequency():
    times = np.arange(60 * 60) / 60
    sine = np.zeros((len(times), 3))
    sine[:, 1] = 3 * np.sin(2 * np.pi * 5 * times)
    found = spectrum(sine, 60)
    assert found.frequencies_F[np.argmax(found.mean_F)] == 5
    width = found.frequencies_F[1]
    assert found.mean_F.sum() * width == pytest.approx(3**2 / 2, rel=0.01)
