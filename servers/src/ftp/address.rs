//! How PASV and EPSV write an address.
//!
//! Pure, and both ways: the server writes what the client reads. Sources: RFC 959, 4.1.2; RFC 2428.

use std::net::{Ipv4Addr, SocketAddrV4};

/// `h1,h2,h3,h4,p1,p2`, for a 227.
pub(crate) fn passive(address: SocketAddrV4) -> String {
    let [a, b, c, d] = address.ip().octets();
    let [high, low] = address.port().to_be_bytes();
    format!("{a},{b},{c},{d},{high},{low}")
}

/// `|||port|`, for a 229.
pub(crate) fn extended(port: u16) -> String {
    format!("|||{port}|")
}

/// The address in the text of a 227: the first six numbers, as the standard names no other frame.
pub(crate) fn parse_passive(text: &str) -> Option<SocketAddrV4> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let end = text[start..].find(|c: char| !c.is_ascii_digit() && c != ',');
    let numbers = &text[start..end.map_or(text.len(), |end| start + end)];
    let mut octets = [0; 6];
    let mut fields = numbers.split(',');
    for octet in &mut octets {
        *octet = fields.next()?.parse().ok()?;
    }
    let [a, b, c, d, high, low] = octets;
    let port = u16::from_be_bytes([high, low]);
    let is_whole = fields.next().is_none() && port != 0;
    is_whole.then(|| SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port))
}

/// The port in the text of a 229: between the brackets, three delimiters of one kind, the port, one more.
pub(crate) fn parse_extended(text: &str) -> Option<u16> {
    let (_, rest) = text.rsplit_once('(')?;
    let (inside, _) = rest.split_once(')')?;
    let delimiter = inside.chars().next()?;
    if !('!'..='~').contains(&delimiter) || delimiter.is_ascii_digit() {
        return None;
    }
    let digits = inside.strip_prefix(&delimiter.to_string().repeat(3)[..])?;
    let digits = digits.strip_suffix(delimiter)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        let address = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 1), 65_001);
        assert_eq!(passive(address), "127,0,0,1,253,233");
        for frame in ["Entering ({}).", "=  {}", "{}", "({})"] {
            let text = frame.replace("{}", &passive(address));
            assert_eq!(parse_passive(&text), Some(address), "{text}");
        }
        assert_eq!(extended(6446), "|||6446|");
        assert_eq!(parse_extended("Entering (|||6446|)"), Some(6446));
        assert_eq!(parse_extended("Any delimiter (!!!1!)."), Some(1));
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        for text in [
            "",
            "()",
            "(1,2,3,4,5)",
            "(1,2,3,4,5,256)",
            "(1,2,3,4,5,6,7)",
            "(1,2,3,4,0,0)",
            "(,,,,,)",
            "(999999999999,1,1,1,1,1)",
            "(-1,2,3,4,5,6,7)",
        ] {
            assert_eq!(parse_passive(text), None, "{text}");
        }
        for text in [
            "",
            "()",
            "(||)",
            "(|||)",
            "(||||)",
            "(|||x|)",
            "(|||0|)",
            "(|||65536|)",
            "(|||+1|)",
            "(|||1)",
            "(|1|h|1|)",
            "(11111)",
            "|||1|",
            "(|||1|",
            "(ééé1é)",
        ] {
            assert_eq!(parse_extended(text), None, "{text}");
        }
    }
}
