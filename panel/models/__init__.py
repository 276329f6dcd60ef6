"""The panel's tables."""

from panel.models.access import Event, Role, User
from panel.models.columns import Base
from panel.models.config import AdditionalField, GeneratorConfig, Location, Partner, SchemaVersion, Status
from panel.models.customer import Customer
from panel.models.log import Revision, UniqueValue
from panel.models.roundtrip import Export, Import, ImportedRow, ImportItem, SettledConflict

__all__ = [
    "AdditionalField",
    "Base",
    "Customer",
    "Event",
    "Export",
    "GeneratorConfig",
    "Import",
    "ImportItem",
    "ImportedRow",
    "Location",
    "Partner",
    "Revision",
    "Role",
    "SchemaVersion",
    "SettledConflict",
    "Status",
    "UniqueValue",
    "User",
]
