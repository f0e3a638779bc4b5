//! The plan of an adoption, which the comparisons fill, and its report, as sentences for the person at the terminal.

/// The steps of an adoption that is yet to be carried out.
#[derive(Default)]
pub(super) struct Plan {
    /// Why it cannot be done.
    pub obstacles: Vec<String>,
    pub changes: Vec<Change>,
    pub report: AdoptionReport,
}

/// One addition to an existing table.
pub(super) struct Change {
    pub what: String,
    pub sql: String,
    /// The sentence to report when PostgreSQL refuses; without it, the adoption fails.
    pub otherwise: Option<String>,
}

/// The outcome of an adoption. Every line is a sentence or a name with its reason.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct AdoptionReport {
    /// Additions, and things switched off; never a row.
    pub done: Vec<String>,
    /// Rules that existing rows break, or that rest on such a rule. They are not in force, or only for new rows.
    pub left_out: Vec<String>,
    /// Where the tables differ from ours in ways the server can live with.
    pub differences: Vec<String>,
    /// Other objects that are there and stay.
    pub theirs: Vec<String>,
    /// Oddities of the rows.
    pub data: Vec<String>,
    /// The migrations and files applied; the first two were only marked.
    pub applied: Vec<String>,
}

impl AdoptionReport {
    /// The report for people, line by line.
    pub fn lines(&self) -> Vec<String> {
        let sections = [
            ("Done", &self.done),
            ("Left out, or in force only in part", &self.left_out),
            ("Different, and kept", &self.differences),
            ("Not ours, and kept", &self.theirs),
            ("About the rows", &self.data),
        ];
        let told = sections.into_iter().filter(|(_, lines)| !lines.is_empty());
        let sections = told.chain([("Migrations now in force", &self.applied)]);
        let lines = sections.flat_map(|(title, lines)| {
            std::iter::once(format!("{title}:")).chain(lines.iter().map(|line| format!("- {line}")))
        });
        lines.chain(["The database is adopted; no row was changed.".to_owned()]).collect()
    }
}
