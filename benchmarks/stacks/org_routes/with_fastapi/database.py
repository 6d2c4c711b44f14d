"""Transactions as the caller, under row-level security."""

import os
from contextlib import contextmanager

from by_hand import CLAIMS, IDENTIFY
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

engine = create_engine(
    os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"), pool_size=1, pool_pre_ping=True
)


@contextmanager
def transaction(claims):
    with Session(engine) as session, session.begin():
        connection = session.connection()
        connection.exec_driver_sql(CLAIMS, (claims,))
        connection.exec_driver_sql(IDENTIFY)
        yield session
