"""The panel's tables."""

from panel.models.access import Attempt, Event, Role, SavedView, User, UserSession
from panel.models.billing import (
    Account,
    ApiToken,
    BillingConfig,
    Charge,
    LifecycleDay,
    Payment,
    Plan,
    Service,
)
from panel.models.columns import Base
from panel.models.config import AdditionalField, GeneratorConfig, Location, Partner, SchemaVersion, Status
from panel.models.customer import Customer, CustomerContact, CustomerLikeness, PlannedStatus, StoredFile
from panel.models.log import Revision, UniqueValue
from panel.models.roundtrip import (
    Export,
    ExportedBlock,
    Import,
    ImportedRow,
    ImportItem,
    RememberedMapping,
    SettledConflict,
    UndoLine,
)
from panel.models.work import Job

__all__ = [
    "Account",
    "AdditionalField",
    "ApiToken",
    "Attempt",
    "Base",
    "BillingConfig",
    "Charge",
    "Customer",
    "CustomerContact",
    "CustomerLikeness",
    "Event",
    "Export",
    "ExportedBlock",
    "GeneratorConfig",
    "Import",
    "ImportItem",
    "ImportedRow",
    "Job",
    "LifecycleDay",
    "Location",
    "Partner",
    "Payment",
    "Plan",
    "PlannedStatus",
    "RememberedMapping",
    "Revision",
    "Role",
    "SavedView",
    "SchemaVersion",
    "Service",
    "SettledConflict",
    "Status",
    "StoredFile",
    "UndoLine",
    "UniqueValue",
    "User",
    "UserSession",
]
