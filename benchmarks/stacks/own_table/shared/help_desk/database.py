"""Sessions of a caller in an organization, under row-level security."""

import os
from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

import jwt
from fastapi import Depends, HTTPException
from fastapi.params import Depends as Dependency
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

engine = create_engine(os.environ["DATABASE_URL"], pool_pre_ping=True)
ROLES = ("org_user", "org_admin", "org_owner")


def caller(token: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]) -> Any:
    key = os.environ["JWT_SECRET"]
    try:
        return jwt.decode(token.credentials if token else "", key, ["HS256"], options={"require": ["exp", "sub"]})
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"}) from error


def begin(session: Session, subject: str) -> None:
    session.execute(text("select set_config('app.subject', :subject, true)"), {"subject": subject})
    session.execute(text("select set_config('app.user_id', (select id::text from users), true)"))


def org_session(at_least: str) -> Dependency:
    def session(org_id: UUID, claims: Annotated[Any, Depends(caller)]) -> Iterator[Session]:
        with Session(engine) as session, session.begin():
            begin(session, claims["sub"])
            role = session.scalar(text("select role from members where org_id = :org_id"), {"org_id": org_id})
            if role is None:
                raise HTTPException(404)
            if ROLES.index(role) < ROLES.index(at_least):
                raise HTTPException(403)
            yield session

    return Depends(session, scope="function")


Member = Annotated[Session, org_session("org_user")]
Admin = Annotated[Session, org_session("org_admin")]
