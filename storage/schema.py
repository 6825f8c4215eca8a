"""The schema: migrations to head by Alembic, from the package, without a configuration file."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from storage.database import engine_for, normal_url

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7_046_029_254  # any constant: one migration at a time on PostgreSQL


def migrate(url: str) -> str:
    """Bring a database to the newest schema; its revision afterwards. One process at a time does it (G4)."""
    engine = engine_for(normal_url(url))
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS))
            config.attributes["connection"] = connection
            if current(connection) != newest():
                command.upgrade(config, "head")
            connection.commit()
            return newest()
    finally:
        engine.dispose()


def current(connection: Connection) -> str | None:
    """The revision a database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The revision this program wants."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return str(ScriptDirectory.from_config(config).get_current_head())
