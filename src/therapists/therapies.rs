//! The therapies that the practice offers: the words of the therapists' comma-separated specializations, each once.
//!
//! Letter case and spaces make no difference; a word is shown as most of the therapists write it. Retired therapists
//! offer nothing.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    db::pruned::pruned,
    domain::contact::Search,
    error::{Error, Result, problem::Problems},
    http::{
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which therapies can be listed.
    TherapyOrder: Up = "therapy", Down = "-therapy"
}

/// Which therapies are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TherapyFilter {
    /// Only those whose name holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "couples")]
    q: Option<String>,
}

/// A therapy, and who offers it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "therapy": "Couples Therapy",
    "therapist_ids": ["58701", "58704"],
    "therapist_names": ["Asha Rao", "Noor Khan"]
}))]
#[expect(clippy::struct_field_names, reason = "a list tells what its first column holds")]
pub(super) struct Therapy {
    /// Its name.
    therapy: String,
    /// The ids of those who offer it, in the order of their names.
    therapist_ids: Vec<String>,
    /// Their names, in the same order.
    therapist_names: Vec<String>,
    #[serde(skip)]
    sort_key: String,
}

/// List therapies
///
/// The therapies of all therapists who are not retired, each once, with the therapists who offer it.
#[utoipa::path(
    get,
    path = "/therapies",
    tag = "therapists",
    params(TherapyFilter, ("sort" = inline(Option<TherapyOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of therapies", content(
            (Page<Therapy> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_therapies(listing: Listing<TherapyFilter, TherapyOrder>) -> Result<Response> {
    let search =
        listing.filter.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
    listing.request.answer(TherapyList { search }).await
}

/// The therapies that a filter wants.
struct TherapyList {
    search: Option<Search>,
}

impl List for TherapyList {
    type Row = Therapy;
    type Order = TherapyOrder;

    async fn rows(&self, db: &mut PgConnection, order: TherapyOrder, position: &Position) -> Result<Vec<Therapy>> {
        let therapies = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Therapy),
            [r#"
                select mode() within group (order by offered.word) as "therapy!",
                       array_agg(t.therapist_id::text order by internal.fold(t.name), t.id) as "therapist_ids!",
                       array_agg(coalesce(t.name, '(no name)')::text order by internal.fold(t.name), t.id)
                           as "therapist_names!",
                       internal.fold(offered.word) as "sort_key!"
                from therapists t
                cross join lateral unnest(internal.therapies(t.specialization)) as offered (word)
                where t.therapist_id is not null
                  and not exists (select from internal.retirements r where r.therapist_id = t.therapist_id)
                  and internal.fold(offered.word) like any (internal.like_words($1))
                  and internal.fold(offered.word) < $2 -- by any
                group by internal.fold(offered.word)
                order by
                    internal.fold(offered.word) desc -- by any
                limit $3
            "#],
            self.search.as_deref(),
            position.sort(),
            position.limit,
        )?;
        Ok(therapies)
    }

    fn key(therapy: &Therapy) -> Key {
        Key { sort: therapy.sort_key.clone(), id: String::new() }
    }
}
