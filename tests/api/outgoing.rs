//! Requests to other services: which addresses are connected to, and what is known where nothing comes back.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    http::{Request, StatusCode, Uri, header::LOCATION},
    response::IntoResponse,
};
use safestories::outgoing::{Failure, Lookup, Outgoing};
use tokio::{io::AsyncReadExt, net::TcpListener};

const WITHIN: Duration = Duration::from_secs(10);
const REFUSED: Failure = Failure::NotSent("the address leads into a network that nothing may be sent to");

/// A server on loopback that counts its requests.
struct Receiver {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Receiver {
    /// Answers everything alike.
    async fn start(address: &str, answer: impl IntoResponse + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = requests.clone();
        let router = Router::new().fallback(async move || {
            counted.fetch_add(1, Ordering::Relaxed);
            answer.clone()
        });
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { address, requests }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    fn port(&self) -> u16 {
        self.address.port()
    }
}

/// Clients that may call 127.0.0.1, and no other private address; names are looked up by `find`, of which it is the how manieth.
fn outgoing(find: impl Fn(usize) -> Vec<IpAddr> + Send + Sync + 'static) -> Outgoing {
    let lookups = AtomicUsize::new(0);
    let lookup = Lookup::by(move |_| {
        let found = find(lookups.fetch_add(1, Ordering::Relaxed));
        Box::pin(async { Ok(found) })
    });
    Outgoing::new(vec!["127.0.0.1/32".parse().expect("a network")], lookup)
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn get(url: &str) -> Request<Vec<u8>> {
    Request::get(url.parse::<Uri>().expect("a URL")).body(Vec::new()).expect("a request")
}

async fn status(outgoing: &Outgoing, url: &str) -> Result<StatusCode, Failure> {
    outgoing.entered.send(get(url), WITHIN).await.map(|answer| answer.status)
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_never_connected_to() {
    let private = Receiver::start("127.0.0.2:0", StatusCode::OK).await;
    for address in ["127.0.0.2", "::ffff:127.0.0.2", "10.0.0.1", "169.254.169.254"] {
        for scheme in ["http", "https"] {
            let outgoing = outgoing(move |_| vec![ip(address)]);
            let url = format!("{scheme}://hooks.example.org:{}/", private.port());
            assert_eq!(status(&outgoing, &url).await, Err(REFUSED), "{scheme} {address}");
        }
    }
    assert_eq!(private.requests(), 0);
}

#[tokio::test]
async fn a_private_address_in_the_url_is_never_connected_to() {
    let private = Receiver::start("127.0.0.2:0", StatusCode::OK).await;
    let outgoing = outgoing(|_| Vec::new());
    for host in ["127.0.0.2", "127.2", "0x7f000002", "2130706434", "[::ffff:127.0.0.2]", "[::ffff:7f00:2]", "[::1]"] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{}/", private.port());
            assert_eq!(status(&outgoing, &url).await, Err(REFUSED), "{url}");
        }
    }
    assert_eq!(private.requests(), 0);
}

#[tokio::test]
async fn of_several_addresses_only_permitted_ones_are_connected_to() {
    let permitted = Receiver::start("127.0.0.1:0", StatusCode::OK).await;
    let private = Receiver::start(&format!("127.0.0.2:{}", permitted.port()), StatusCode::OK).await;
    let outgoing = outgoing(|_| vec![ip("127.0.0.2"), ip("127.0.0.1")]);
    let url = format!("http://hooks.example.org:{}/", permitted.port());
    assert_eq!(status(&outgoing, &url).await, Ok(StatusCode::OK));
    assert_eq!((permitted.requests(), private.requests()), (1, 0));
}

#[tokio::test]
async fn a_name_that_changes_after_the_look_up_is_connected_to_as_it_was_looked_up() {
    let permitted = Receiver::start("127.0.0.1:0", [("connection", "close")]).await;
    let private = Receiver::start(&format!("127.0.0.2:{}", permitted.port()), StatusCode::OK).await;
    let outgoing = outgoing(|look_up| vec![ip(if look_up == 0 { "127.0.0.1" } else { "127.0.0.2" })]);
    let url = format!("http://rebinding.example.org:{}/", permitted.port());
    assert_eq!(status(&outgoing, &url).await, Ok(StatusCode::OK));
    assert_eq!(status(&outgoing, &url).await, Err(REFUSED));
    assert_eq!((permitted.requests(), private.requests()), (1, 0));
}

#[tokio::test]
async fn a_redirect_is_answered_and_not_followed() {
    let private = Receiver::start("127.0.0.2:0", StatusCode::OK).await;
    let target = format!("http://127.0.0.2:{}/", private.port());
    let redirecting = Receiver::start("127.0.0.1:0", (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, target)])).await;
    let outgoing = outgoing(|_| Vec::new());
    let url = format!("http://127.0.0.1:{}/", redirecting.port());
    assert_eq!(status(&outgoing, &url).await, Ok(StatusCode::TEMPORARY_REDIRECT));
    assert_eq!(private.requests(), 0);
}

#[tokio::test]
async fn plain_http_leads_to_no_public_address() {
    let outgoing = outgoing(|_| vec![ip("93.184.215.14")]);
    assert_eq!(status(&outgoing, "http://hooks.example.org/").await, Err(REFUSED));
    assert_eq!(status(&outgoing, "http://93.184.215.14/").await, Err(REFUSED));
}

#[tokio::test]
async fn services_of_the_configuration_may_be_anywhere() {
    let service = Receiver::start("127.0.0.2:0", StatusCode::ACCEPTED).await;
    let outgoing = outgoing(|_| vec![ip("127.0.0.2")]);
    let url = format!("http://service.example.org:{}/", service.port());
    let answer = outgoing.services.send(get(&url), WITHIN).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_failure_says_whether_the_service_may_have_got_the_request() {
    let outgoing = Outgoing::new(Vec::new(), Lookup::by(|_| Box::pin(async { Err(io::Error::other("no such name")) })));
    let sent = outgoing.services.send(get("http://nowhere.example.org/"), WITHIN).await;
    assert_eq!(sent.map(|_| ()), Err(Failure::NotSent("no connection came about")));
    // One that reads the request and answers nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().expect("an address").port());
    tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.expect("a connection");
        let mut head = [0; 1024];
        let _ = first.read(&mut head).await;
        let (mut silent, _) = listener.accept().await.expect("a connection");
        drop(first);
        let mut rest = Vec::new();
        let _ = silent.read_to_end(&mut rest).await;
    });
    let (broken, late) = tokio::join!(outgoing.services.send(get(&url), WITHIN), async {
        tokio::task::yield_now().await;
        outgoing.services.send(get(&url), Duration::from_millis(300)).await
    });
    let mut failures = [broken.map(|_| ()), late.map(|_| ())];
    failures.sort_by_key(|failure| format!("{failure:?}"));
    let unclear = |reason| Err(Failure::Unclear(reason));
    assert_eq!(failures, [unclear("no answer came in time"), unclear("the connection broke off")]);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read() {
    let long = Receiver::start("127.0.0.1:0", "x".repeat(1001)).await;
    let outgoing = outgoing(|_| Vec::new());
    let url = format!("http://127.0.0.1:{}/", long.port());
    let answer = outgoing.entered.send(get(&url), WITHIN).await.expect("an answer");
    assert_eq!(answer.body(1000).await, Err(Failure::Unclear("the answer was too long")));
    let answer = outgoing.entered.send(get(&url), WITHIN).await.expect("an answer");
    assert_eq!(answer.body(1001).await.map(|body| body.len()), Ok(1001));
}
