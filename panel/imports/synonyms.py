"""What else people call a customer's fields, in the languages of neighbours: used to suggest, never to decide."""

from __future__ import annotations

_NAMES = {
    "login": (
        "username; user name; user; account; customer id; client id; id zákazníka; contract number; číslo smlouvy; "
        "č. smlouvy; customer number; customer no; customer code; číslo zákazníka; zákaznické číslo; kundennummer; "
        "numéro client; número de cliente; numer klienta; логин; логін"
    ),
    "password": "pass; pwd; heslo; passwort; kennwort; mot de passe; contraseña; hasło; пароль",
    "status": "state; customer status; stav; zustand; statut; estado; stan; статус",
    "billing_type": "billing; payment type; typ fakturace; abrechnung; tipo de pago",
    "full_name": (
        "name; customer; customer name; client; client name; subscriber; company name; jméno; jméno a "
        "příjmení; celé jméno; název; zákazník; kunde; vollständiger name; nom; nom complet; nombre; "
        "nombre completo; imię i nazwisko; nazwa; имя; фио; піб"
    ),
    "emails": (
        "e-mail; mail; email address; e-mail address; emails; email adresa; correo; correo electrónico; "
        "courriel; почта; пошта"
    ),
    "phones": (
        "phone; phones; telephone; tel; tel no; mobile; mobile phone; cell; cell phone; gsm; contact "
        "number; telefon; telefonní číslo; mobil; handy; rufnummer; téléphone; portable; teléfono; "
        "móvil; numer telefonu; телефон"
    ),
    "category": "customer type; type of customer; typ zákazníka; kundenart; kategorie; kategoria",
    "date_of_birth": (
        "birth date; narození; narozen; birthday; born; dob; datum narození; geburtsdatum; date de naissance; fecha de "
        "nacimiento; data urodzenia; дата рождения; дата народження"
    ),
    "passport": "id card; identity card; passport number; číslo dokladu; číslo pasu; ausweis; dowód; паспорт",
    "partner": "reseller; partner name; obchodní partner; prodejce; партнер",
    "location": "site; area; pobočka; oblast; region; branch; lokalita; místo; standort; lieu; lokalizacja; ubicación",
    "date_added": (
        "created; created on; created at; since; customer since; added; start date; datum založení; "
        "zákazník od; angelegt am; kunde seit; date de création; fecha de alta; data dodania"
    ),
    "street": (
        "address; street address; address line; street and number; ulice; adresa; ulice a číslo; "
        "strasse; straße; rue; adresse; calle; dirección; ulica; adres; улица; адрес; вулиця"
    ),
    "zip_code": (
        "zip; postcode; postal code; post code; psč; plz; postleitzahl; code postal; código postal; kod "
        "pocztowy; индекс; індекс"
    ),
    "city": "town; place; obec; město; ort; stadt; ville; ciudad; miasto; miejscowość; город; місто",
    "geo": (
        "gps; coordinates; location gps; lat lon; latitude longitude; souřadnice; koordinaten; "
        "coordonnées; coordenadas; współrzędne"
    ),
}
NAMES: dict[str, tuple[str, ...]] = {key: tuple(names.split("; ")) for key, names in _NAMES.items()}
"""Other names by the field's key."""
