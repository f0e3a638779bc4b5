//! Lists: reads the filter, the order and the page from the query string, and answers with that page as JSON or with the
//! whole list as CSV.

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sqlx::PgConnection;

use super::{
    csv::{self, CsvParams, Form},
    extract::{Json, Pairs},
    page::{self, DEFAULT_LIMIT, Key, List, Order, Page, PageInfo, PageParams, Position},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    db::scope::Scope,
    domain::time::Timestamp,
    error::{Error, FieldError, Place, Result},
};

/// How many rows a list holds, and whether there are more.
type Total = (i64, Option<bool>);

#[derive(Serialize, Deserialize)]
struct Cursor {
    #[serde(rename = "k")]
    key: Key,
    /// Whether the page wanted lies before the key.
    #[serde(rename = "b")]
    backwards: bool,
}

/// The extractor of list handlers: the filter `F` and the page in order `O`, read from one query string.
#[derive(Debug)]
pub struct Listing<F, O> {
    /// The filter.
    pub filter: F,
    /// Which page of it.
    pub request: ListRequest<O>,
}

/// The filter of a list that has none.
#[derive(Debug, Deserialize)]
pub struct NoFilter {}

/// A request for one page of a list, or for the whole of it as CSV.
#[derive(Debug)]
pub struct ListRequest<O> {
    order: O,
    /// Whether the request names the order.
    is_sorted: bool,
    cursor: Option<String>,
    with_total: bool,
    limit: Option<u16>,
    /// How it is written as CSV.
    csv: CsvParams,
    from: Option<Key>,
    backwards: bool,
    form: Form,
    uri: Uri,
    app: App,
    scope: Scope,
}

/// Refuses the parameters that are given.
fn refuse(parameters: &[(&'static str, bool)], why: &'static str) -> Result<()> {
    let given = parameters.iter().filter(|(_, is_given)| *is_given);
    let faults: Vec<FieldError> =
        given.map(|(name, _)| FieldError { place: Place::Query((*name).to_owned()), detail: why.into() }).collect();
    Error::unless_none(faults)
}

/// The order, as a parameter of its own.
#[derive(Deserialize)]
struct OrderParam<O> {
    sort: Option<O>,
}

impl<F: DeserializeOwned, O: Order> FromRequestParts<App> for Listing<F, O> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        // The router strips prefixes from nested requests; links need the whole path.
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let mut pairs = Pairs::parse(uri.query().unwrap_or_default())?;
        let (filter, order, params) = (pairs.read(), pairs.read::<OrderParam<O>>(), pairs.read::<PageParams>());
        let csv = pairs.read::<CsvParams>();
        let (((filter, OrderParam { sort }), params), csv) = pairs.finish(filter.zip(order).zip(params).zip(csv))?;
        let mut request = ListRequest {
            order: sort.unwrap_or_default(),
            is_sorted: sort.is_some(),
            cursor: params.cursor,
            with_total: params.include.is_some(),
            limit: params.limit,
            csv,
            from: None,
            backwards: false,
            form: Form::wanted(&parts.headers),
            uri: uri.clone(),
            app: app.clone(),
            scope: Scope::of_route(parts),
        };
        request.go_on();
        if request.is_sorted {
            request.ensure_opened()?;
        }
        Ok(Self { filter, request })
    }
}

impl<O: Order> ListRequest<O> {
    /// Whether it asks for the first page, or the whole list.
    pub fn is_first(&self) -> bool {
        self.from.is_none()
    }

    /// The same in this order, unless the request names one.
    #[must_use]
    pub fn usually(mut self, order: O) -> Self {
        if !self.is_sorted {
            self.order = order;
            self.go_on();
        }
        self
    }

    /// Goes on where the cursor says, if it is one of the order.
    fn go_on(&mut self) {
        let cursor = self.cursor.as_deref().and_then(|cursor| self.open(cursor));
        self.backwards = cursor.as_ref().is_some_and(|cursor| cursor.backwards);
        self.from = cursor.map(|cursor| cursor.key);
    }

    /// Fails where the cursor is none of the order.
    fn ensure_opened(&self) -> Result<()> {
        if self.cursor.is_some() && self.from.is_none() {
            return Err(Error::query("cursor", "is not a cursor of this list in this order"));
        }
        Ok(())
    }

    /// Answers with the page, or with the whole list as CSV where the client accepts that.
    ///
    /// # Errors
    ///
    /// If the list cannot be read, too many lists are being streamed, or this list has no CSV form.
    pub async fn answer<L: List<Order = O>>(self, list: L) -> Result<Response> {
        self.ensure_opened()?;
        match self.form {
            Form::Csv | Form::CsvOrJson if L::AS_CSV => {
                self.ensure_whole()?;
                // The last part of the path that names something: no file name holds an id.
                let name = self.uri.path().rsplit('/').next().unwrap_or_default();
                return csv::stream(&self.app, &self.scope, list, self.order, self.csv, name).await;
            }
            _ => self.ensure_json()?,
        }
        let (rows, total) = self.read(&mut *self.app.db.read(&self.scope).await?, &list).await?;
        Ok(self.page(rows, total, list.as_of(), L::key))
    }

    /// Fails where only CSV is accepted. For lists without a CSV form that audit the read first: a refused read must
    /// not be audited.
    ///
    /// # Errors
    ///
    /// [`Error::NotAcceptable`].
    pub fn ensure_json(&self) -> Result<()> {
        if self.form == Form::Csv {
            return Err(Error::NotAcceptable("application/json"));
        }
        let CsvParams { columns, header, charset } = &self.csv;
        let given = [("columns", !columns.is_empty()), ("header", header.is_some()), ("charset", charset.is_some())];
        refuse(&given, "is for text/csv only")
    }

    /// Fails where a part is asked for: CSV is the whole list.
    fn ensure_whole(&self) -> Result<()> {
        let given = [("limit", self.limit.is_some()), ("cursor", self.cursor.is_some()), ("include", self.with_total)];
        refuse(&given, "is not for text/csv, which is the whole list")
    }

    /// How many rows a page has.
    fn limit(&self) -> u16 {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }

    /// Answers with the page after `record` has audited its rows, in the transaction that reads them. An empty page
    /// leaves no entry, and is refused where its entries would be.
    ///
    /// # Errors
    ///
    /// If the list cannot be read, only CSV is accepted, or nothing can be recorded.
    pub async fn answer_on_record<L: List<Order = O>>(
        self,
        work: Work,
        list: L,
        record: impl FnOnce(&mut UnitOfWork, &[L::Row]),
    ) -> Result<Response> {
        self.ensure_opened()?;
        self.ensure_json()?;
        let run = work.run_if_needed(async |uow| {
            let (rows, total) = self.read(uow.db(), &list).await?;
            let shown = &rows[..rows.len().min(self.limit().into())];
            record(uow, shown);
            if shown.is_empty() {
                uow.rehearse().await?;
            }
            Ok((rows, total))
        });
        let (rows, total) = run.await?;
        Ok(self.page(rows, total, None, L::key))
    }

    /// The rows of the page, and one more where there are more; and the total, if requested.
    async fn read<L: List<Order = O>>(&self, db: &mut PgConnection, list: &L) -> Result<(Vec<L::Row>, Option<Total>)> {
        let position = Position {
            from: self.from.clone(),
            descending: self.order.is_descending() != self.backwards,
            limit: i64::from(self.limit()) + 1,
            count: None,
        };
        let rows = list.rows(db, self.order, &position).await?;
        let total = if self.with_total { Some(page::total(list, db).await?) } else { None };
        Ok((rows, total))
    }

    /// Cuts `rows` to the requested size, puts them in order, and notes where the neighbouring pages start.
    fn page<T: Serialize>(
        self,
        mut rows: Vec<T>,
        total: Option<Total>,
        as_of: Option<Timestamp>,
        key: impl Fn(&T) -> Key,
    ) -> Response {
        let more = rows.len() > usize::from(self.limit());
        rows.truncate(self.limit().into());
        if self.backwards {
            rows.reverse();
        }
        let (after, before) = if self.backwards { (true, more) } else { (more, self.from.is_some()) };
        let cursor = |row: Option<&T>, wanted: bool, backwards: bool| {
            row.filter(|_| wanted).map(|row| self.close(&Cursor { key: key(row), backwards }))
        };
        let next = cursor(rows.last(), after, false);
        let prev = cursor(rows.first(), before, true);
        let link = self.links(next.as_deref(), prev.as_deref());
        let (total, total_is_more) = total.map_or((None, None), |(total, is_more)| (Some(total), is_more));
        let page = PageInfo { limit: self.limit(), next, prev, total, total_is_more, as_of };
        let mut response = Json(Page { data: rows, page }).into_response();
        response.headers_mut().extend(link.map(|link| (header::LINK, link)));
        response
    }

    /// The text that a cursor is bound to: the path and the order.
    fn context(&self) -> String {
        format!("{} {}", self.uri.path(), self.order.word())
    }

    fn close(&self, cursor: &Cursor) -> String {
        let json = serde_json::to_vec(cursor).unwrap_or_default();
        BASE64.encode(self.app.seals.cursors.seal(&self.context(), &json))
    }

    fn open(&self, cursor: &str) -> Option<Cursor> {
        let sealed = BASE64.decode(cursor).ok()?;
        serde_json::from_slice(&self.app.seals.cursors.open(&self.context(), &sealed)?).ok()
    }

    /// The `Link` header (RFC 8288): this request under other cursors.
    fn links(&self, next: Option<&str>, prev: Option<&str>) -> Option<HeaderValue> {
        let query = self.uri.query().unwrap_or_default().as_bytes();
        let kept: Vec<_> = form_urlencoded::parse(query).filter(|(name, _)| name != "cursor").collect();
        let link = |cursor: Option<&str>, rel: &str| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&kept);
            query.extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
            format!("<{}?{}>; rel=\"{rel}\"", self.uri.path(), query.finish())
        };
        let neighbours = [prev.map(|cursor| link(Some(cursor), "prev")), next.map(|cursor| link(Some(cursor), "next"))];
        let links: Vec<String> = std::iter::once(link(None, "first")).chain(neighbours.into_iter().flatten()).collect();
        HeaderValue::try_from(links.join(", ")).ok()
    }
}
