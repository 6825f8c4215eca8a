"""Migrated schema == tables, on both databases; migrating twice changes nothing."""

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage.database import engine_for, normal_url
from storage.schema import HEAD, MIGRATIONS, migrate
from storage.tables import metadata


def test_the_migrated_schema_is_the_tables(database_url: str) -> None:
    engine = engine_for(normal_url(database_url))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []


def test_migrating_again_changes_nothing(database_url: str) -> None:
    assert migrate(database_url) == HEAD
    assert migrate(database_url) == HEAD


def test_the_wanted_revision_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
