//! Clients that read slowly or disconnect.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
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
