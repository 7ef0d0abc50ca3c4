"""What the columns of contact files are called, in Turkish, English, German and Arabic, and the plainest
of Portuguese, Spanish and French: one table, folded alike.
"""

from __future__ import annotations

import re
import unicodedata

_WORDS: dict[str, str] = {
    "phone": """
        telefon, tel, tel no, telefon no, telefon numarası, telefon 1, gsm, gsm no, gsm numarası, cep, cep
        tel, cep telefonu, cep no, cep numarası, mobil, mobil telefon, numara, iletişim numarası, whatsapp
        no, whatsapp numarası, whatsapp, wa id, phone, phone number, phone no, phone 1, phone 1 - value,
        mobile, mobile phone, mobile number, mobile no, cell, cell phone, msisdn, whatsapp number,
        whatsapp phone, contact number, e164, telefonnummer, handy, handynummer, mobilnummer,
        telefone, celular, teléfono, móvil, téléphone, portable, الهاتف,
        رقم الهاتف, الجوال, رقم الجوال, رقم الموبايل""",
    "name": """
        ad, adı, isim, ismi, müşteri adı, kişi adı, ad soyad, adı soyadı, ad ve soyad, isim soyisim, name,
        first name, firstname, given name, first, full name, customer name, contact name, vorname,
        nome, nombre, prénom, الاسم,
        الاسم الأول, الاسم الكامل""",
    "surname": """
        soyad, soyadı, soyisim, soyismi, müşteri soyadı, surname, last name, lastname, family name, last,
        nachname, familienname, sobrenome, apellido, apellidos, nom, اللقب, اسم العائلة""",
    "email": """
        e-posta, eposta, e-posta adresi, mail, mail adresi, email, e-mail, email address, e-mail 1 -
        value, email 1, e-mail adresse, correo, correo electrónico, courriel,
         البريد الإلكتروني, البريد""",
    "language": """
        dil, dili, tercih edilen dil, müşteri dili, language, lang, locale, preferred language, sprache,
        اللغة""",
    "country": """
        ülke, ülkesi, ülke kodu, country, country code, country/region, nation, land, país, pays, الدولة,
        البلد""",
    "city": "şehir, şehri, il, ili, kent, city, town, stadt, ort, cidade, ciudad, ville, المدينة",
    "assignee": """
        temsilci, müşteri temsilcisi, sorumlu, atanan, atanan kişi, assignee, assigned to, owner, agent,
        contact owner, account manager, sales rep, betreuer""",
    "consent": """
        izin, onay, izin durumu, onay durumu, iys, iys durumu, ileti izni, ticari ileti izni, pazarlama
        izni, mesaj izni, whatsapp izni, abonelik, abonelik durumu, opt-in, optin, opted in, consent,
        marketing consent, whatsapp opt in, whatsapp consent, accepts marketing, subscribed, subscription
        status, opt in status, einwilligung, الموافقة""",
    "consent_source": """
        izin kaynağı, onay kaynağı, iys kaynağı, consent source, opt-in source, optin source, permission
        source, quelle der einwilligung, مصدر الموافقة""",
    "consent_at": """
        izin tarihi, onay tarihi, izin zamanı, onay zamanı, iys tarihi, consent date, consent time,
        consent at, consent timestamp, opt-in date, opt-in time, optin time, optin date, opted in at,
        einwilligung am, تاريخ الموافقة""",
    "user_id": "user id, whatsapp user id, bsuid, business scoped user id, user_id",
}


def fold_header(text: str) -> str:
    """Letters and digits alone, without case, accents and Turkish i's: `Cep Telefonu (GSM)` is `ceptelefonugsm`."""
    plain = unicodedata.normalize("NFKD", text.translate(str.maketrans("İIı", "iii")).casefold())
    return re.sub(r"[\W_]+", "", "".join(mark for mark in plain if not unicodedata.combining(mark)))


TARGET_BY_HEADER: dict[str, str] = {
    fold_header(word): target for target, words in _WORDS.items() for word in words.split(",")
}
