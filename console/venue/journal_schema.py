"""The journal's tables, and how an older file becomes one of this schema."""

from __future__ import annotations

VERSION = 2  # of the schema, as the file's user_version; 0: from before there were versions
SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,          -- seconds since the epoch
    who TEXT NOT NULL,         -- the operator, or foh itself
    what TEXT NOT NULL,        -- of incidents: opened changed cleared acked unacked silenced forgotten; of runs:
                               -- planned step seen cancel, then done failed cancelled or unknown, and settled
    subject TEXT NOT NULL,     -- an incident's key or a resource's id
    text TEXT NOT NULL,
    data TEXT NOT NULL         -- JSON: evidence, plan, observed values
);
CREATE INDEX IF NOT EXISTS entry_subject ON entry (subject, id);
CREATE TABLE IF NOT EXISTS incident (  -- the open ones
    key TEXT PRIMARY KEY,
    opened REAL NOT NULL,              -- seconds since the epoch
    severity TEXT NOT NULL,            -- when it was opened, or when an operator last accepted it
    acked_by TEXT NOT NULL,            -- empty: by nobody
    silenced_until REAL NOT NULL       -- seconds since the epoch
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    target TEXT NOT NULL,
    action TEXT NOT NULL,
    plan TEXT NOT NULL,              -- a frame (backends/wire.py)
    owner TEXT NOT NULL,             -- the process that carries it out (owner.py)
    outcome TEXT NOT NULL DEFAULT '', -- done failed cancelled unknown; empty until it ends
    text TEXT NOT NULL DEFAULT '',   -- the newest that is known of it, in words
    settled INTEGER NOT NULL DEFAULT 0 -- an operator, or the same action done again, has put an unknown one right
);
CREATE TABLE IF NOT EXISTS step (
    run INTEGER NOT NULL REFERENCES run (id),
    number INTEGER NOT NULL,         -- from 1, as in the plan
    at REAL NOT NULL,                -- written before it is done
    ended REAL,                      -- written when it was done; empty: unknown whether it was done
    PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cancel (
    run INTEGER PRIMARY KEY REFERENCES run (id), -- that is to end before its next step
    at REAL NOT NULL,
    who TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS run_going ON run (target) WHERE outcome = '';
"""
# Before schema 2 an incident's acknowledgement was only the latest entry about it.
MIGRATION = """
INSERT OR IGNORE INTO incident
SELECT subject, at, 'crit', CASE what WHEN 'acked' THEN who ELSE '' END,
       CASE what WHEN 'silenced' THEN coalesce(json_extract(data, '$.until'), 0) ELSE 0 END
FROM entry WHERE what IN ('acked', 'silenced') AND id IN
    (SELECT max(id) FROM entry WHERE what IN ('opened', 'cleared', 'acked', 'silenced') GROUP BY subject);
"""
COLUMNS = {
    "entry": "at, who, what, subject, text, data",
    "incident": "key, opened, severity, acked_by, silenced_until",
    "run": "id, at, who, target, action, plan, owner, outcome, text",
    "step": "run, number, at, ended",
    "cancel": "run, at, who",
}
PROBES = [*(f"SELECT {columns} FROM {table} LIMIT 0" for table, columns in COLUMNS.items()),
          "SELECT settled FROM run LIMIT 0"]  # fmt: skip


def script(version: int) -> str:
    """What makes a file of that version one of this."""
    return f"BEGIN IMMEDIATE;{SCHEMA}{MIGRATION if version < VERSION else ''}PRAGMA user_version = {VERSION};COMMIT;"
