"""The tables of the three routes, and their statements."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, and_, exists, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column


class Base(DeclarativeBase):
    pass


class Org(Base):
    __tablename__ = "orgs"
    __table_args__ = {"schema": "access"}  # noqa: RUF012 - as SQLAlchemy documents it

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    slug: Mapped[str]
    description: Mapped[str | None]
    logo_url: Mapped[str | None]
    website_url: Mapped[str | None]
    app_name: Mapped[str | None]
    app_icon: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class OrgMember(Base):
    __tablename__ = "org_members"
    __table_args__ = {"schema": "access"}  # noqa: RUF012

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_role: Mapped[str]


class Workspace(Base):
    __tablename__ = "live_workspaces"
    __table_args__ = {"schema": "ws"}  # noqa: RUF012

    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    name: Mapped[str]
    description: Mapped[str | None]
    color: Mapped[str]
    icon: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    status: Mapped[str]
    retention_days: Mapped[int | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class WorkspaceMember(Base):
    __tablename__ = "live_members"
    __table_args__ = {"schema": "ws"}  # noqa: RUF012

    org_id: Mapped[UUID]
    ws_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    ws_role: Mapped[str]
    ws_name: Mapped[str]


class Favorite(Base):
    __tablename__ = "ws_favorites"
    __table_args__ = {"schema": "ws"}  # noqa: RUF012

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    ws_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)


def caller_id():
    return select(func.app.uid()).scalar_subquery()


def select_org(org_id):
    me, counted = aliased(OrgMember), aliased(OrgMember)
    count = select(func.count()).where(counted.org_id == Org.id).scalar_subquery()
    return (
        select(*Org.__table__.columns, me.org_role.label("my_role"), count.label("member_count"))
        .join(me, and_(me.org_id == Org.id, me.user_id == caller_id()))
        .where(Org.id == org_id)
    )


def update_org(org_id, changes):
    return update(Org).where(Org.id == org_id).values(changes)


def select_workspaces(org_id, limit, after):
    me = WorkspaceMember
    is_favorite = exists().where(
        Favorite.org_id == me.org_id, Favorite.ws_id == me.ws_id, Favorite.user_id == me.user_id
    )
    statement = (
        select(
            *Workspace.__table__.columns,
            me.ws_role.label("my_role"),
            is_favorite.label("is_favorite"),
            func.ws.member_count(Workspace.id).label("member_count"),
        )
        .join(me, and_(me.org_id == Workspace.org_id, me.ws_id == Workspace.id, me.user_id == caller_id()))
        .where(me.org_id == org_id)
        .order_by(me.ws_name, me.ws_id)
        .limit(limit)
    )
    return statement if after is None else statement.where(tuple_(me.ws_name, me.ws_id) > tuple_(*after))
