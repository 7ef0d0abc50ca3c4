"""Writes `data/sample/contacts.csv`: 1,200 rows of invented people, the same at each run.

Phone numbers are well formed and made up: Turkish mobiles of one block with the last digits counting on, and numbers
that Germany, the United Kingdom and Saudi Arabia list in libphonenumber's plan. Nobody should be sent a real message
from it: the sandbox is there for that. A few rows are broken on purpose, so that the dry run has something to say.

    python -m bench.make_sample
"""

from __future__ import annotations

import csv
import random
from datetime import date, datetime, timedelta
from pathlib import Path

SEED = 20261122
ROWS = 1_200
TARGET = Path(__file__).parents[1] / "data" / "sample" / "contacts.csv"
HEADER = (
    "Ad", "Soyad", "Telefon", "E-posta", "Dil", "Şehir", "Doğum tarihi", "Sipariş no", "Paket", "Son sipariş tutarı",
    "İzin", "İzin kaynağı", "İzin tarihi",
)  # fmt: skip

TURKISH_NAMES = """Elif Deniz Zeynep Mehmet Ahmet Ayşe Fatma Emine Mustafa Ali Hüseyin Hasan İbrahim Murat Özgür
    Burcu Ece Selin Derya Gökhan Çağla Şule Ömer Yusuf Kerem Emre Can Cem Barış Pınar Gizem Tuğba Serkan Volkan Oya
    Nil Işıl İrem Defne Arda Kaan Sude Nehir Umut Ufuk Yasemin Hülya Levent Tolga Sibel"""
TURKISH_SURNAMES = """Yılmaz Kaya Demir Şahin Çelik Yıldız Yıldırım Öztürk Aydın Özdemir Arslan Doğan Kılıç Aslan
    Çetin Kara Koç Kurt Özkan Şimşek Polat Korkmaz Çakır Erdoğan Acar Güneş Işık Taş Bulut Uçar Ünal Keskin Avcı
    Duman Gül Turan Sönmez Bozkurt Güler Akın"""
CITIES = (
    ("İstanbul", 34), ("Ankara", 15), ("İzmir", 12), ("Bursa", 8), ("Antalya", 7), ("Adana", 5), ("Konya", 5),
    ("Gaziantep", 4), ("Diyarbakır", 3), ("Muğla", 3), ("Iğdır", 1), ("Şanlıurfa", 3),
)  # fmt: skip
OTHERS = {
    "en": ("Olivia Jack Amelia Harry Grace Noah", "Smith Taylor Brown Walker Hughes", "London Leeds"),
    "de": ("Lena Jonas Mia Felix Hannah Lukas", "Müller Schmidt Weiß Wagner Köhler", "Berlin Köln"),
    "ar": ("ليلى عمر فاطمة يوسف مريم خالد", "الحربي القحطاني الشهري العتيبي", "الرياض جدة"),
}
LANGUAGE_WORDS = {
    "tr": ("tr", "Türkçe", "tr"),
    "en": ("en", "English"),
    "de": ("de", "Deutsch"),
    "ar": ("ar", "العربية"),
}
PLANS = (("free", 60), ("silver", 28), ("gold", 12))
SOURCES = ("Web formu", "Mağaza", "Çağrı merkezi", "Etkinlik")


def main() -> None:
    """Write the file."""
    chance = random.Random(SEED)
    rows = [person(chance, number) for number in range(ROWS)]
    break_some(rows)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)


def person(chance: random.Random, number: int) -> list[str]:
    """One invented contact."""
    language = chance.choices(("tr", "en", "ar", "de"), (86, 6, 5, 3))[0]
    if language == "tr":
        names, surnames = TURKISH_NAMES, TURKISH_SURNAMES
        city = chance.choices([name for name, _ in CITIES], [weight for _, weight in CITIES])[0]
    else:
        names, surnames, cities = OTHERS[language]
        city = chance.choice(cities.split())
    plan = chance.choices([name for name, _ in PLANS], [weight for _, weight in PLANS])[0]
    born = date(1952, 1, 1) + timedelta(days=chance.randrange(52 * 365))
    amount = chance.lognormvariate(5.8, 0.8) * {"free": 1, "silver": 1.6, "gold": 2.7}[plan]
    has_ordered = chance.random() < 0.9
    return [
        chance.choice(names.split()),
        chance.choice(surnames.split()),
        phone(chance, language, number),
        f"kisi{number + 1:04d}@ornek.example" if chance.random() < 0.7 else "",
        chance.choice(LANGUAGE_WORDS[language]),
        city if chance.random() < 0.97 else "",
        f"{born:%d.%m.%Y}" if chance.random() < 0.85 else "",
        f"TR-{26_000_000 + number * 37}" if has_ordered else "",
        plan,
        turkish_amount(amount) if has_ordered else "",
        *consent(chance),
    ]


def phone(chance: random.Random, language: str, number: int) -> str:
    """A number of the person's country, written in one of the ways people write it."""
    if language == "tr":
        digits = f"53{chance.choice('0123456789')}000{number:04d}"
        spaced = f"{digits[:3]} {digits[3:6]} {digits[6:8]} {digits[8:]}"
        forms = (f"0{digits}", digits, f"+90 {spaced}", f"0 {spaced}", f"90{digits}", f"+90{digits}", f"0090{digits}")
        return chance.choice(forms)
    return {"en": f"+44 7400 00{number:04d}", "de": f"+49 1512 000{number:04d}", "ar": f"+966 50 000 {number:04d}"}[
        language
    ]


def consent(chance: random.Random) -> tuple[str, str, str]:
    """Yes, no, or not known; with where and when."""
    answer = chance.choices(("Evet", "Hayır", ""), (82, 6, 12))[0]
    if not answer:
        return ("", "", "")
    moment = datetime(2024, 1, 8, 9) + timedelta(minutes=chance.randrange(2 * 365 * 24 * 60))
    return (answer, chance.choice(SOURCES), f"{moment:%d.%m.%Y %H:%M}")


def turkish_amount(amount: float) -> str:
    """1234.5 as 1.234,50."""
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


def break_some(rows: list[list[str]]) -> None:
    """The mistakes that real files have."""
    rows[41][2] = "5,32E+09"
    rows[42][2] = "9,05E+11"
    rows[107][2] = "0532 12"
    rows[188][2] = ""
    rows[256][2] = "bilinmiyor"
    rows[333][2] = "+999 123 456 78 90"
    rows[402][2] = "0212 555 01 42"
    rows[403][2] = "0312 555 01 77"
    rows[404][2] = "0599 000 04 04"
    rows[511][6] = "31.02.1988"
    rows[512][6] = "bilinmiyor"
    rows[590][9] = "yok"
    rows[640] = [*rows[12][:3], *rows[640][3:]]
    rows[701][2] = rows[55][2]
    rows[702] = list(rows[300])
    rows[803] = rows[803][:9]
    rows[904] = [*rows[904], "fazla"]
    rows[950][1] = 'Yılmaz "Usta"'
    rows[1011] = [""] * len(HEADER)
    rows[1100][10] = "belki"


if __name__ == "__main__":
    main()
