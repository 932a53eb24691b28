"""What must never be false about the program."""

from __future__ import annotations

from marketplace.database.check import Check
from marketplace.program.application import ProgramApplication
from marketplace.program.membership import ProgramMembership
from marketplace.statuses import checks

CHECKS = (
    Check(
        "M1",
        "every member has an approved application, decided on kept facts that met the rules",
        "SELECT m.id FROM program_membership m LEFT JOIN program_application a"
        " ON a.id = m.application_id AND a.creator_id = m.creator_id AND a.status = 'approved'"
        " WHERE a.id IS NULL OR a.decided_facts IS NULL"
        " OR a.decided_verdict @> '[{\"met\": false}]'",
    ),
    Check(
        "M2",
        "every approved application made its creator a member",
        "SELECT a.id FROM program_application a WHERE a.status = 'approved' AND NOT EXISTS"
        " (SELECT FROM program_membership m WHERE m.application_id = a.id)",
    ),
    Check(
        "M3",
        "the facts of a creator say of their membership and standing what the membership says",
        "SELECT coalesce(f.creator_id, m.creator_id) AS creator_id FROM creator_facts f"
        " FULL JOIN program_membership m ON m.creator_id = f.creator_id"
        " WHERE coalesce(f.member, false) <> (m.status IS NOT DISTINCT FROM 'active')"
        " OR (coalesce(f.standing, 'good') = 'suspended')"
        " <> (m.status IS NOT DISTINCT FROM 'suspended')",
    ),
    *checks("program_application", ProgramApplication.MOVES),
    *checks("program_membership", ProgramMembership.MOVES),
)
