//! Clients that read slowly or disconnect.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::{BOOKINGS, count, many_bookings, practice};

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for() {
    let api = practice().await;
    let served = api.serve().await;
    let authorization = api.admin().authorization().await;
    let mut client = served.connect().await;
    let head = format!(
        "POST {BOOKINGS} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{{\"therapist_id\":"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("/problems/too-slow"), "{answer}");
    assert_eq!(api.trail().await, [("attempt".into(), "refused".into())]);
}

#[tokio::test]
async fn a_body_that_breaks_off_does_nothing() {
    let api = practice().await;
    let served = api.serve().await;
    let authorization = api.admin().authorization().await;
    let mut client = served.connect().await;
    let head = format!(
        "POST {BOOKINGS} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{{\"therapist_id\":"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    drop(client);
    api.until("exists (select from internal.audit_entries)").await;
    assert_eq!(api.trail().await, [("attempt".into(), "refused".into())]);
    assert_eq!(count(&api, "select count(*) from bookings").await, 0);
}

#[tokio::test]
async fn a_client_that_hangs_up_while_rows_are_sent_holds_nothing() {
    let api = practice().await;
    // More than the buffers between the two take.
    many_bookings(&api, 2_000, 10_000).await;
    let served = api.serve().await;
    let authorization = api.admin().authorization().await;
    for _ in 0..2 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        let mut client = socket.connect(served.address).await.unwrap();
        let head =
            format!("GET {BOOKINGS} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nAccept: text/csv\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        client.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
        // The rest waits to be sent.
        api.until(READING).await;
        drop(client);
        api.until(&format!("not {READING}")).await;
    }
    let third = api.admin().with("accept", "text/csv").get(&format!("{BOOKINGS}?q=client%201")).await;
    third.is(200);
}

/// Whether a list is being read.
const READING: &str = "exists (select from pg_stat_activity
                               where datname = current_database() and state = 'idle in transaction')";

#[tokio::test]
async fn clients_that_read_nothing_hold_no_export() {
    let api = practice().await;
    many_bookings(&api, 2_000, 10_000).await;
    let impatient = api.impatient_instance();
    let served = impatient.serve().await;
    let authorization = api.admin().authorization().await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        let mut client = socket.connect(served.address).await.unwrap();
        let head =
            format!("GET {BOOKINGS} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nAccept: text/csv\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        client.read_exact(&mut start).await.unwrap();
        clients.push(client);
    }
    let third = impatient.admin().with("accept", "text/csv");
    let path = format!("{BOOKINGS}?q=client%201");
    third.get(&path).await.is_problem(429, "too-many-requests");
    let waiting = async { while third.get(&path).await.status == 429 {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await.expect("a permit");
    third.get(&path).await.is(200);
    // The other one has its deadline a moment later.
    api.until(&format!("not {READING}")).await;
    for mut client in clients {
        // Whatever is left of the answer, it does not end as a whole one does.
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest).await;
        assert!(!rest.ends_with(b"\r\n0\r\n\r\n"));
    }
}

/// The next answer on a connection, up to the end of its headers, and whether the connection closes after it.
async fn answer(client: &mut TcpStream) -> (String, bool) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.expect("an answer"));
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length =
        head.split("content-length: ").nth(1).map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    client.read_exact(&mut body).await.unwrap();
    let closes = head.contains("connection: close");
    (head, closes)
}

#[tokio::test]
async fn what_is_refused_before_its_body_was_read_loses_no_other_request() {
    let api = practice().await;
    let served = api.serve().await;
    let mut client = served.connect().await;
    for _ in 0..3 {
        let body = "x".repeat(20_000);
        let head = format!("POST {BOOKINGS} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(body.as_bytes()).await.unwrap();
        let (head, closes) = answer(&mut client).await;
        assert!(head.starts_with("http/1.1 401") && !closes, "{head}");
        client.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(answer(&mut client).await.0.starts_with("http/1.1 200"));
    }
    // One that is large, or waits for leave to be sent, is not read: the answer says that the connection closes.
    for more in ["Content-Length: 500000", "Content-Length: 5\r\nExpect: 100-continue"] {
        let mut client = served.connect().await;
        let head = format!("POST {BOOKINGS} HTTP/1.1\r\nHost: x\r\n{more}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let (head, closes) = answer(&mut client).await;
        assert!(head.starts_with("http/1.1 401") && closes, "{head}");
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "{more}");
    }
}

#[tokio::test]
async fn a_request_on_a_kept_connection_at_shutdown_is_answered() {
    let api = practice().await;
    let served = api.serve().await;
    let mut kept = Vec::new();
    for _ in 0..5 {
        let mut client = served.connect().await;
        client.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(!answer(&mut client).await.1);
        kept.push(client);
    }
    api.app.stopping.cancel();
    // Until nobody listens any more.
    while TcpStream::connect(served.address).await.is_ok() {}
    for client in &mut kept[..4] {
        client.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let (head, closes) = answer(client).await;
        assert!(head.starts_with("http/1.1 200") && closes, "{head}");
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }
    // One that is not used any more is closed a moment later.
    assert_eq!(kept[4].read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_head_that_never_ends_is_not_waited_for_but_an_idle_connection_is() {
    let api = practice().await;
    let served = api.serve().await;
    let mut client = served.connect().await;
    let mut idle = served.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(answer(&mut idle).await.0.starts_with("http/1.1 200"));
    // A line every now and then, for longer than a head may take (half a second here).
    client.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let begun = std::time::Instant::now();
    let trickle = async {
        while client.write_all(b"X-More: x\r\n").await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), trickle).await.expect("an end");
    assert!(begun.elapsed() >= std::time::Duration::from_millis(500));
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(answer(&mut idle).await.0.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn a_request_names_one_host() {
    let api = practice().await;
    let served = api.serve().await;
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\nHost: x\r\n", 200),
        ("GET /healthz HTTP/1.0\r\n", 200),
        ("GET /healthz HTTP/1.1\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nHost: x\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nhost: y\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a b\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost:\r\n", 400),
    ] {
        let mut client = served.connect().await;
        client.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.") && answer[8..].starts_with(&format!(" {status} ")), "{head}: {answer}");
        assert_eq!(answer.contains("/problems/malformed"), status == 400, "{answer}");
    }
}
