"""EFFDL_PROFILE decides how long a notebook may take."""

import pytest

from effdl_lite import profiles


def test_quick_is_the_default(monkeypatch):
    monkeypatch.delenv("EFFDL_PROFILE", raising=False)
    assert profiles.current() == "quick"
    monkeypatch.setenv("EFFDL_PROFILE", "")
    assert profiles.current() == "quick"


@pytest.mark.parametrize("name", profiles.PROFILES)
def test_each_profile_takes_its_own_value(monkeypatch, name):
    monkeypatch.setenv("EFFDL_PROFILE", name)
    assert profiles.current() == name
    assert profiles.choose(quick="quick", laptop="laptop", reference="reference", full="full") == name


def test_a_wrong_profile_is_one_clear_line(monkeypatch):
    monkeypatch.setenv("EFFDL_PROFILE", "fast")
    with pytest.raises(ValueError, match=r"^EFFDL_PROFILE is 'fast'; choose one of quick, laptop, reference, full$"):
        profiles.current()


@pytest.mark.parametrize(("name", "value"), [("quick", 1), ("laptop", 1), ("reference", 3), ("full", 3)])
def test_a_profile_left_out_takes_the_next_smaller_one(monkeypatch, name, value):
    monkeypatch.setenv("EFFDL_PROFILE", name)
    assert profiles.choose(quick=1, reference=3) == value


def test_none_is_a_value_like_any_other(monkeypatch):
    monkeypatch.setenv("EFFDL_PROFILE", "full")
    assert profiles.choose(quick=500, full=None) is None


def test_without_a_smaller_value_the_remedy_is_named(monkeypatch):
    monkeypatch.setenv("EFFDL_PROFILE", "quick")
    with pytest.raises(ValueError, match=r"no value for the profile 'quick' or a smaller one; give quick="):
        profiles.choose(laptop=1)


def test_a_misspelt_profile_in_the_code_is_refused():
    with pytest.raises(ValueError, match="'laptob' is not a profile"):
        profiles.choose(quick=1, laptob=2)
