"""Long work, and what came of it."""

from __future__ import annotations

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from panel.models.columns import Base, Document, Instant, Key, Long, Number, Short, now


class Job(Base):
    """Work on many records: `kind` says which, `options` with what, `done` of `total` how far it is.

    `state` is ``queued``, ``running``, ``done``, ``failed`` or ``undone``. Whoever runs it holds it until
    `leased_until` and writes only while `fence` is the number under which it was taken. `record_ids` is the
    zlib-packed array of the 64-bit IDs that it is about, where they were chosen one by one, `revisions` that of the
    revisions that they had when somebody looked. A job that somebody has to look at first is ``planned``.
    """

    __tablename__ = "job"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[Key]
    kind: Mapped[Short]
    state: Mapped[Short] = mapped_column(default="queued", index=True)
    options: Mapped[Document] = mapped_column(default=dict)
    record_ids: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    revisions: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    result: Mapped[Document] = mapped_column(default=dict)
    message: Mapped[Long] = mapped_column(default="")
    at: Mapped[Instant] = mapped_column(default=now)
    by: Mapped[Short]
    user_id: Mapped[Number | None]
    leased_until: Mapped[Instant | None]
    fence: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[Instant | None]
    undone_at: Mapped[Instant | None]
