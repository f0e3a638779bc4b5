//! Looks up what a search finds, before its list is read.
//!
//! PostgreSQL guesses how many rows hold a text, and assumes that they are spread evenly over a list's order. Names are not: a walk
//! in their order passes half of the table before the first that is wanted. So the rows found are looked up first, where they
//! are few, and the list is one of ids. Where they are many, a walk meets enough of them soon.

use sqlx::PgConnection;

/// The most rows that are few.
const FEW: usize = 5_000;

/// The rows that hold a text; both none where nothing is searched for.
#[derive(Debug, Default)]
pub struct Found<'q> {
    few: Option<Vec<String>>,
    many: Option<&'q str>,
}

impl<'q> Found<'q> {
    /// Among the clients of the practice.
    pub async fn clients(db: &mut PgConnection, q: Option<&'q str>) -> sqlx::Result<Self> {
        let Some(q) = q else { return Ok(Self::default()) };
        let ids = sqlx::query_scalar!(
            "select client_id
             from internal.client_facts
             where search like any (internal.search_patterns($1))
             limit 5001",
            q,
        );
        Ok(Self::of(q, ids.fetch_all(db).await?))
    }

    /// Among the bookings of the practice.
    pub async fn bookings(db: &mut PgConnection, q: Option<&'q str>) -> sqlx::Result<Self> {
        let Some(q) = q else { return Ok(Self::default()) };
        let ids = sqlx::query_scalar!(
            "select booking_id
             from internal.booking_facts
             where search like any (internal.search_patterns($1))
             limit 5001",
            q,
        );
        Ok(Self::of(q, ids.fetch_all(db).await?))
    }

    fn of(q: &'q str, ids: Vec<String>) -> Self {
        if ids.len() > FEW { Self { few: None, many: Some(q) } } else { Self { few: Some(ids), many: None } }
    }

    /// The ids, where they are few.
    pub fn few(&self) -> Option<&[String]> {
        self.few.as_deref()
    }

    /// The text, where many hold it.
    pub fn many(&self) -> Option<&'q str> {
        self.many
    }
}
