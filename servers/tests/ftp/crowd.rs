//! Two hundred clients at once.

use super::ground::{Site, pattern, settings};
use super::watchdog::watchdog;
use greenroom::Runtime;
use greenroom_servers::Limits;
use greenroom_servers::ftp::client::FtpClient;
use std::io;
use std::sync::Arc;

const CLIENTS: usize = 200;

#[test]
fn two_hundred_clients_transfer_at_once() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let site = Site::start("127.0.0.1:0", workers, settings(), Limits::default());
        let (address, whole) = (site.address, Arc::new(pattern(3 << 20)));
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        let everybody = Arc::new(greenroom::sync::Barrier::new(CLIENTS));
        let outcomes: Vec<io::Result<()>> = runtime.run(|| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|number| {
                    let (whole, everybody) = (Arc::clone(&whole), Arc::clone(&everybody));
                    greenroom::thread::spawn(move || {
                        let mut ftp = FtpClient::connect(address)?;
                        ftp.login("ada", "pw")?;
                        everybody.wait();
                        let name = format!("dir/sub/{number}");
                        let piece = &whole[number * 1000..][..200_000];
                        ftp.put(&name, piece, |_| {})?;
                        let mut bytes = Vec::new();
                        ftp.get(&name, &mut bytes, |_, _| {})?;
                        assert!(bytes == piece, "{name}");
                        ftp.quit()
                    })
                })
                .collect();
            clients
                .into_iter()
                .map(|client| client.join().unwrap())
                .collect()
        });
        for outcome in outcomes {
            outcome.unwrap();
        }
        site.wait_until_empty();
        let totals = site.running.as_ref().unwrap().totals();
        assert_eq!((totals.accepted, totals.errors), (CLIENTS as u64, 0));
    }
}
