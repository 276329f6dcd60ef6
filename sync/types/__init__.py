"""The registry of field types: what forms, lists, exports and imports ask about a value."""

from __future__ import annotations

from sync.fields import FieldType
from sync.types.boolean import BooleanType
from sync.types.choices import MultiSelectType, ReferenceType, SelectType
from sync.types.contacts import EmailsType, EmailType, PhonesType, PhoneType
from sync.types.dates import DateTimeType, DateType
from sync.types.files import FileType
from sync.types.geo import GeoType
from sync.types.network import IpType, MacType, UrlType
from sync.types.numbers import DaysType, DecimalType, IntegerType, MoneyType
from sync.types.relations import MultiRelationType, RelationType
from sync.types.secret import PasswordType, SecretType
from sync.types.strings import StringType, TextType

FIELD_TYPES: dict[str, FieldType] = {
    field_type.key: field_type
    for field_type in (
        StringType(),
        TextType(),
        IntegerType(),
        DecimalType(),
        MoneyType(),
        DateType(),
        DateTimeType(),
        BooleanType(),
        SelectType(),
        MultiSelectType(),
        EmailType(),
        PhoneType(),
        UrlType(),
        IpType(),
        MacType(),
        PasswordType(),
        RelationType(),
        MultiRelationType(),
        FileType(),
        EmailsType(),
        PhonesType(),
        ReferenceType(),
        GeoType(),
        SecretType(),
        DaysType(),
    )
}
"""Every type by its key, in the order in which people choose among them."""

BY_SPECIFICITY: tuple[FieldType, ...] = tuple(
    FIELD_TYPES[key]
    for key in (
        "boolean",
        "integer",
        "decimal",
        "ip",
        "mac",
        "email",
        "url",
        "date",
        "datetime",
        "phone",
        "select",
        "string",
        "text",
    )
)
"""The types that a column of a foreign file may be of, the one that says most about a value first."""
