#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy>=2.4", "pandas>=3"]
# ///
"""Simulates the admissions of a hospital and the values of its two laboratories; a seed gives the same bytes.

    uv run deployments/patient-records/make_landing.py
    python deployments/patient-records/make_landing.py [folder] [seed] [admissions a day]

What happens: from 10 to 12 March the laboratory `nord` reports haemoglobin in mmol/L, and it corrects that on the 13th.
From 18 March on it delivers troponin of a new assay. From 1 March on the patients become slowly older. In the night to
26 October clocks go back, in that to 29 March forward. README.md in this folder says what is in the files.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

ZONE = ZoneInfo("Europe/Berlin")
BEGIN, END = pd.Timestamp("2025-10-01", tz=ZONE), pd.Timestamp("2026-04-06", tz=ZONE)
FIRST_DELIVERY = date(2026, 3, 2)  # has the history; then one lands each night
WRONG_UNIT = date(2026, 3, 10), date(2026, 3, 13)  # from one night's delivery to that which corrects it
NEW_ASSAY = pd.Timestamp("2026-03-17 06:00", tz=ZONE)  # the first values land on the 18th
GZIP = {"method": "gzip", "compresslevel": 9, "mtime": 0}  # no time of writing, so that the bytes are the same
SEED, ADMISSIONS = "1", "90"

PATIENTS_A_DAY = 0.85  # new patients, as a share of the admissions: the others were here before
NORD = 0.4  # share of the patients
OLDER_FROM, YEARS_A_DAY = pd.Timestamp("2026-03-01", tz=ZONE), 0.15  # by which the patients become older on average
WARDS, WARD_SHARES = ["internal", "surgery", "cardiology", "neurology", "burns"], [0.42, 0.27, 0.18, 0.1285, 0.0015]
WAYS, WAY_SHARES = ["emergency", "referred", "planned"], [0.5, 0.2, 0.3]
FAMILY = ["Becker", "Demir", "Fischer", "Kaya", "Klein", "Krause", "Lehmann", "Nowak", "Schulz", "Vogel"]
GIVEN = ["Anna", "Emre", "Hanna", "Ilse", "Jonas", "Karl", "Lea", "Mehmet", "Paul", "Sofia"]
G_DL_TO_MMOL_L = 0.6206  # haemoglobin, as the monomer
NEW_ASSAY_FACTOR = 0.22  # of the values of the one before, in its own calibration
LABEL_DAYS = 7
SATURDAY, TAKEN_AGAIN = 5, 0.3  # a day of the week; the share of the stays with a second sample


@dataclass(frozen=True)
class Hospital:
    """What has happened: one row a stay, and one row a blood sample with the values of a laboratory."""

    stays: pd.DataFrame
    samples: pd.DataFrame


def simulated(seed: int, a_day: int) -> Hospital:
    """Return the stays of all days by time, and the samples of these patients."""
    rng = np.random.default_rng(seed)
    stays = admissions(rng, a_day)
    severity = rng.normal(size=len(stays)) + np.where(stays["way"] == "planned", -0.5, 0.25)
    samples = blood_samples(rng, stays, severity)
    return Hospital(stays.assign(intensive=outcomes(rng, stays, severity)), samples)


def admissions(rng: np.random.Generator, a_day: int) -> pd.DataFrame:
    """Return stays by the time of their first assessment: more by day than by night, fewer at weekends."""
    hours = pd.date_range(BEGIN, END, freq="h", inclusive="left")  # of the calendar: one day has 25, one has 23
    of_hour = a_day / 24 * (1 + 0.8 * np.sin((hours.hour - 8) / 24 * 2 * np.pi))
    count = rng.poisson(of_hour * np.where(hours.day_of_week < SATURDAY, 1.1, 0.75))
    minutes = pd.to_timedelta(rng.integers(0, 60, count.sum()), unit="min")
    time = (hours.repeat(count) + minutes).sort_values()
    known = np.cumsum(rng.random(len(time)) < PATIENTS_A_DAY)
    before = (known * rng.uniform(0.3, 1, len(time))).astype(int)
    patient = np.where(np.diff(known, prepend=0) > 0, known, before)
    ages = np.clip(rng.normal(58, 17, known[-1] + 1), 18, 99)
    older = YEARS_A_DAY * np.maximum(np.asarray((time - OLDER_FROM).days), 0)
    age = np.clip(ages[patient] + older, 18, 104).round()
    return pd.DataFrame(
        {
            "stay": np.arange(len(time)) + 500_000,
            "assessed": time,
            "patient": patient + 20_000,
            "laboratory": np.where(patient % 10 < NORD * 10, "nord", "mitte"),
            "ward": rng.choice(WARDS, len(time), p=WARD_SHARES),
            "way": rng.choice(WAYS, len(time), p=WAY_SHARES),
            "age": age.astype(int),
        }
    )


def blood_samples(rng: np.random.Generator, stays: pd.DataFrame, severity: np.ndarray) -> pd.DataFrame:
    """Return the samples: one within three hours before an assessment, and for some stays one some hours after it."""
    early = stays["assessed"] - pd.to_timedelta(rng.integers(10, 180, len(stays)), unit="min")
    again = rng.random(len(stays)) < TAKEN_AGAIN
    late = stays["assessed"] + pd.to_timedelta(rng.integers(240, 1200, len(stays)), unit="min")
    both = pd.concat([stays.assign(taken=early, severity=severity), stays.assign(taken=late, severity=severity)[again]])
    both = both.sort_values(["taken", "stay"], ignore_index=True)
    size, ill = len(both), both["severity"].to_numpy()
    fresh = (both["laboratory"] == "nord") & (both["taken"] >= NEW_ASSAY)
    troponin = np.exp(2.4 + 0.9 * ill + rng.normal(0, 0.5, size)) * np.where(fresh, NEW_ASSAY_FACTOR, 1.0)
    return pd.DataFrame(
        {
            "patient": both["patient"],
            "taken": both["taken"],
            "laboratory": both["laboratory"],
            "haemoglobin": (13.4 - 0.7 * ill + rng.normal(0, 1.3, size)).clip(4, 19).round(1),
            "creatinine": np.exp(-0.05 + 0.18 * ill + rng.normal(0, 0.25, size)).round(2),
            "crp": np.exp(1.8 + 0.7 * ill + rng.normal(0, 0.8, size)).round(1),
            "troponin": troponin.round(1),
            "assay": np.where(fresh, "hs-I", np.where(both["laboratory"] == "nord", "T", "hs-T")),
        }
    )


def outcomes(rng: np.random.Generator, stays: pd.DataFrame, severity: np.ndarray) -> np.ndarray:
    """Return who needs intensive care within a week: the more ill, whatever the age."""
    logit = -3.6 + 1.9 * severity + np.where(stays["ward"] == "cardiology", 0.5, 0.0)
    return (rng.random(len(stays)) < 1 / (1 + np.exp(-logit))).astype(int)


# --- what lands ------------------------------------------------------------------------------------------------------


def nights(moments: pd.Series) -> pd.Series:
    """Return when something lands: the morning after its day, and not before the history does.

    >>> days = pd.to_datetime(["2025-10-26 02:30", "2026-03-28 23:59", "2026-03-29 03:00"])
    >>> nights(pd.Series(days.tz_localize(ZONE, ambiguous=True))).astype(str).tolist()
    ['2026-03-02', '2026-03-29', '2026-03-30']
    """
    return moments.map(lambda moment: max(moment.date() + timedelta(days=1), FIRST_DELIVERY))


def records(stays: pd.DataFrame) -> pd.DataFrame:
    """Return the stays as the wards deliver them: local times with their offset, and names that no model needs."""
    number = stays["patient"].to_numpy()
    names = [f"{FAMILY[each % 10]}, {GIVEN[each // 10 % 10]}" for each in number]
    columns = ["stay", "patient", "ward", "way", "age"]
    return stays[columns].assign(assessed=stays["assessed"].map(lambda t: t.isoformat(timespec="minutes")), name=names)


def values(samples: pd.DataFrame) -> pd.DataFrame:
    """Return samples as the laboratories deliver them: times in UTC."""
    utc = samples["taken"].dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%MZ")
    return samples.assign(taken=utc)[["patient", "taken", "haemoglobin", "creatinine", "crp", "troponin", "assay"]]


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a compressed csv."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False, lineterminator="\n", compression=GZIP)


def write_laboratory(name: str, samples: pd.DataFrame, folder: Path) -> None:
    """Write one delivery a night of a laboratory, in the wrong unit where that has happened, and its correction."""
    first, corrected = WRONG_UNIT if name == "nord" else (date.max, date.max)
    landed = nights(samples["taken"])
    for night, part in samples.groupby(landed):
        wrong = first <= night < corrected
        unit = part.assign(haemoglobin=(part["haemoglobin"] * G_DL_TO_MMOL_L).round(1)) if wrong else part
        write(values(unit), folder / "values" / f"{night}-{name}.csv.gz")
    again = samples[(landed >= first) & (landed < corrected)]
    if len(again):
        write(values(again), folder / "values" / f"{corrected}-{name}-corrected.csv.gz")


def main(folder: str | Path = Path(__file__).parent / "landing", seed: str = SEED, a_day: str = ADMISSIONS) -> None:
    """Write the landing folder of a hospital with so many admissions a day."""
    folder, hospital = Path(folder), simulated(int(seed), int(a_day))
    stays, samples = hospital.stays, hospital.samples
    samples = samples[samples["taken"] < END]
    for night, part in stays.groupby(nights(stays["assessed"])):
        write(records(part), folder / "stays" / f"{night}.csv.gz")
    known = nights(stays["assessed"] + pd.Timedelta(days=LABEL_DAYS))
    for night, part in stays[known <= END.date()].groupby(known):
        write(part[["stay", "intensive"]], folder / "outcomes" / f"{night}.csv.gz")
    for name, part in samples.groupby("laboratory"):
        write_laboratory(str(name), part, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
