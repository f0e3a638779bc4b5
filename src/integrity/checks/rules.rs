//! Keys, constraints and indexes that an adoption left out or somebody dropped; and triggers and rules on the tables.

use sqlx::PgConnection;

use crate::{
    app::unit_of_work::UnitOfWork,
    db::repair::RepairedRows,
    error::Result,
    integrity::{
        adoption::rules,
        check::{Findings, Look, Sample, checks},
    },
};

checks! {
    "missing_rule" = Warning, "Keys, constraints and indexes that are not in force" {
        rule: "The tables have the primary keys, unique rules, foreign keys, NOT NULL columns and indexes that the migrations state. An adoption leaves out what the rows of that time break; a foreign key may hold for new rows only.",
        find: missing,
        remedy: "Constraints that all rows satisfy by now are validated; the rest stays until they do. Writers to the tables wait meanwhile.",
        repair: enforce,
    }
    "foreign_trigger" = Notice, "Triggers of other programs on the tables" {
        rule: "Triggers, rules, row security and keys with actions on the tables, that are not this server's: they can undo or double what it does. They were accepted at the adoption, or came later.",
        find: acting,
        remedy: "Make sure that they are meant; switch them off in the database otherwise.",
    }
}

async fn missing(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let mut findings = Findings::default();
    for (table, about) in rules::missing(db).await? {
        findings.add(look, || Sample { table, id: "*".to_owned(), about });
    }
    Ok(findings)
}

async fn enforce(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let mut repaired = RepairedRows::default();
    for done in rules::enforce(uow.db()).await? {
        repaired.add(done);
    }
    Ok(repaired)
}

async fn acting(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let mut findings = Findings::default();
    for about in rules::acting(db).await? {
        findings.add(look, || Sample { table: "*".to_owned(), id: "*".to_owned(), about });
    }
    Ok(findings)
}
