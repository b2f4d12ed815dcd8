"""Recordings on disk: what is read, what is refused, and how results are written."""

import json

import numpy as np
import pytest
import soundfile

from overica.separation.mixing_facts import written_gain
from overica.separation.recordings import open_recording
from overica.separation.result import Separation
from overica.separation.sound import SeparationWarning
from overica.separation.writing import check_folder, write_separation
from tests.separation.sounds import RATE, bursts, mixing, write


@pytest.fixture(autouse=True)
def small_picture(monkeypatch):
    """Drawing takes a second; test_picture.py and one command look at the real picture."""

    class Blank:
        def savefig(self, path):
            path.write_bytes(b"\x89PNG")

    monkeypatch.setattr("overica.separation.picture.draw_separation", lambda *_: Blank())


@pytest.fixture
def stereo():
    return bursts(3, 0.5) @ mixing(3).T


def separation(samples, gain=1.0, n_sources=3):
    S = gain * bursts(n_sources, len(samples) / RATE)[: len(samples)]
    return Separation(
        S.astype("float32"), mixing(n_sources), RATE, "l1", 1.0, float("nan"), {3: 0.5}, {}
    )


@pytest.mark.parametrize(
    ("name", "subtype", "written", "error"),
    [
        ("x.wav", "PCM_16", "PCM_16", 2**-15),
        ("x.wav", "PCM_24", "PCM_24", 2**-23),
        ("x.wav", "PCM_U8", "PCM_16", 2**-7),
        ("x.wav", "FLOAT", "FLOAT", 1e-7),
        ("x.wav", "DOUBLE", "DOUBLE", 1e-7),
        ("x.wav", "ULAW", "PCM_16", 0.02),
        ("x.flac", "PCM_16", "PCM_16", 2**-15),
        ("x.flac", "PCM_S8", "PCM_16", 2**-7),
        ("x.ogg", "VORBIS", "PCM_16", 0.3),
        ("x.aiff", "PCM_16", "PCM_16", 2**-15),
    ],
)
def test_formats(tmp_path, stereo, name, subtype, written, error):
    recording = open_recording(write(tmp_path / name, stereo, subtype=subtype))
    assert (recording.sample_rate, recording.n_frames, recording.n_channels) == (RATE, 4000, 2)
    assert recording.written_subtype == written
    assert recording.seconds == pytest.approx(0.5)
    x = recording.read()
    assert x.dtype == np.float32
    assert np.abs(x - stereo).max() <= error
    np.testing.assert_array_equal(np.concatenate(list(recording.blocks(999, "float32"))), x)


@pytest.mark.parametrize("rate", [1, 11025, 44099, 192000])
def test_odd_sample_rates(tmp_path, stereo, rate):
    assert open_recording(write(tmp_path / "x.wav", stereo, rate)).sample_rate == rate


def test_refusals(tmp_path, stereo):
    with pytest.raises(FileNotFoundError, match=r"absent\.wav: no such file"):
        open_recording(tmp_path / "absent.wav")
    with pytest.raises(ValueError, match="not a file"):
        open_recording(tmp_path)
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.wav: not audio"):
        open_recording(tmp_path / "text.wav")
    (tmp_path / "nothing.wav").write_bytes(b"")
    with pytest.raises(ValueError, match=r"nothing\.wav: not audio"):
        open_recording(tmp_path / "nothing.wav")
    with pytest.raises(ValueError, match=r"empty\.wav: holds no samples"):
        open_recording(write(tmp_path / "empty.wav", stereo[:0]))
    stereo[1234, 1] = np.nan
    path = write(tmp_path / "nan.wav", stereo, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"nan\.wav: samples are NaN or infinite .*0\.154 s"):
        open_recording(path).read()


@pytest.mark.parametrize(
    ("name", "subtype"),
    [("x.wav", "PCM_16"), ("x.wav", "PCM_U8"), ("x.wav", "FLOAT"), ("x.aiff", "PCM_24"), ("x.w64", "PCM_16")],
)  # fmt: skip
def test_a_file_cut_short_is_said_and_read_as_far_as_it_goes(tmp_path, stereo, name, subtype):
    path = write(tmp_path / name, stereo, subtype=subtype)
    assert open_recording(path).doubt == ""
    whole = open_recording(path).read()
    path.write_bytes(path.read_bytes()[:-1999])
    with pytest.warns(SeparationWarning, match=rf"{name}: was cut short: of \d+ bytes"):
        recording = open_recording(path)
    x = recording.read()
    assert 2000 < len(x) == recording.n_frames < 4000
    np.testing.assert_array_equal(x, whole[: len(x)])


@pytest.mark.parametrize("name", ["x.flac", "x.mp3", "x.ogg"])
def test_a_compressed_file_cut_short_is_refused(tmp_path, stereo, name):
    formats = {"x.flac": "PCM_16", "x.mp3": "MPEG_LAYER_III", "x.ogg": "VORBIS"}
    path = write(tmp_path / name, stereo, subtype=formats[name])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"{name}: .*(cut short|damaged)"):
        open_recording(path).read()


def test_a_header_from_before_the_length_was_known_is_no_damage(tmp_path, stereo):
    path = write(tmp_path / "x.wav", stereo)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    recording = open_recording(path)
    assert (recording.doubt, recording.n_frames) == ("", 4000)
    path.write_bytes(write(tmp_path / "y.wav", stereo).read_bytes() + b"a tag that is no chunk")
    assert open_recording(path).doubt == ""


def test_results_are_what_was_separated(tmp_path, stereo):
    recording = open_recording(write(tmp_path / "x.wav", stereo))
    found = separation(stereo)
    facts = write_separation(
        tmp_path / "a" / "b", recording, stereo, found, settings={"sources": 3}
    )
    folder = tmp_path / "a" / "b"
    assert json.loads((folder / "mixing.json").read_text())["gain"] == facts["gain"] == 1.0
    for j in range(3):
        source, rate = soundfile.read(folder / f"source-{j + 1}.wav")
        assert rate == RATE
        assert np.abs(source - found.sources[:, j]).max() <= 2**-15
        image, _ = soundfile.read(folder / f"image-{j + 1}.wav")
        assert np.abs(image - found.images[j]).max() <= 2**-15
    assert (folder / "separation.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in folder.iterdir()) == [
        "image-1.wav", "image-2.wav", "image-3.wav", "listen.html", "mixing.json", "residual.wav", "separation.png",
        "source-1.wav", "source-2.wav", "source-3.wav",
    ]  # fmt: skip


def test_mixing_json_says_what_was_done(tmp_path, stereo):
    recording = open_recording(write(tmp_path / "x.wav", stereo))
    settings = {"sources": "auto", "seed": 3}
    write_separation(tmp_path, recording, stereo, separation(stereo), settings=settings)
    facts = json.loads((tmp_path / "mixing.json").read_text())
    np.testing.assert_allclose(facts["mixing"], mixing(3))
    np.testing.assert_allclose(facts["directions_degrees"], [30, 90, -30])
    assert facts["n_sources_chosen_by"] == "evidence"
    assert facts["settings"] == settings
    assert facts["explained"] is None
    assert facts["evidence"] == {"3": 0.5}
    assert facts["sample_rate"] == RATE


@pytest.mark.parametrize(
    ("subtype", "clips"), [("PCM_16", True), ("PCM_24", True), ("FLOAT", False)]
)
def test_loud_sources_are_not_clipped(tmp_path, stereo, subtype, clips):
    recording = open_recording(write(tmp_path / "x.wav", stereo, subtype=subtype))
    found = separation(stereo, gain=10.0)
    facts = write_separation(tmp_path / "o", recording, stereo, found, settings={})
    assert (facts["gain"] < 1) == clips
    assert facts["image_gain"] == 1
    for j in range(3):
        read, _ = soundfile.read(tmp_path / "o" / f"source-{j + 1}.wav")
        np.testing.assert_allclose(read, facts["gain"] * found.sources[:, j], atol=2**-15)
        assert written_gain(tmp_path / "o" / f"source-{j + 1}.wav") == facts["gain"]
        assert written_gain(tmp_path / "o" / f"image-{j + 1}.wav") == 1


def test_an_earlier_separation_is_replaced_and_nothing_else(tmp_path, stereo):
    recording = open_recording(write(tmp_path / "x.wav", stereo))
    folder = tmp_path / "o"
    write_separation(folder, recording, stereo, separation(stereo), settings={})
    (folder / "notes.txt").write_text("mine")
    write(folder / "source.wav", stereo)
    check_folder(folder, recording)
    fewer = separation(stereo, n_sources=2)
    write_separation(folder, recording, stereo, fewer, settings={}, images=False, page=False)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "source-1.wav", "source-2.wav", "mixing.json", "separation.png", "notes.txt", "source.wav",
    }  # fmt: skip


def test_other_people_s_files_are_not_replaced(tmp_path, stereo):
    recording = open_recording(write(tmp_path / "x.wav", stereo))
    write(tmp_path / "o" / "source-1.wav", stereo)
    with pytest.raises(FileExistsError, match=r"source-1\.wav, which is not from an earlier"):
        check_folder(tmp_path / "o", recording)
    check_folder(tmp_path / "o", recording, overwrite=True)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "mixing.json").write_text("[1, 2")
    with pytest.raises(FileExistsError, match=r"mixing\.json"):
        check_folder(tmp_path / "p", recording)
    with pytest.raises(NotADirectoryError):
        check_folder(tmp_path / "x.wav", recording)
    check_folder(tmp_path / "new", recording)
    (tmp_path / "q" / "mixing.json").mkdir(parents=True)
    with pytest.raises(IsADirectoryError, match="a folder where a result belongs"):
        check_folder(tmp_path / "q", recording, overwrite=True)
    own = open_recording(tmp_path / "o" / "source-1.wav")
    with pytest.raises(FileExistsError, match="the recording itself"):
        check_folder(tmp_path / "o", own, overwrite=True)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interruption_leaves_what_was_there(tmp_path, stereo, monkeypatch, error):
    recording = open_recording(write(tmp_path / "x.wav", stereo))
    folder = tmp_path / "o"
    write_separation(folder, recording, stereo, separation(stereo), settings={})
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def interrupted(*_, **__):
        raise error

    monkeypatch.setattr("overica.separation.picture.draw_separation", interrupted)
    louder = separation(stereo, gain=2.0)
    with pytest.raises(error):
        write_separation(folder, recording, stereo, louder, settings={})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    with pytest.raises(error):
        write_separation(tmp_path / "new", recording, stereo, louder, settings={})
    assert not (tmp_path / "new").exists()
