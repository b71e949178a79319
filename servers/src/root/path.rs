//! Paths inside a [`Root`](super::Root): always from its top, never above it, one spelling for each.
//!
//! Pure: nothing here asks the file system. Names are bytes, as the kernel has them: on a disk there are some
//! that are not UTF-8. `..` takes away the segment before it, whether or not
//! that is a symlink: what a client sees is a tree of names, and the kernel gets no `..` to follow.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `NAME_MAX` of Linux.
const NAME_BYTES_MAX: usize = 255;

/// `PATH_MAX` of Linux, and its NUL.
const PATH_BYTES_MAX: usize = 4095;

/// A path inside a root: `/`, `/a`, `/a/b`. No `.`, no `..`, no empty segment, no NUL, no slash at the
/// end.
///
/// # Examples
/// ```
/// use greenroom_servers::root::VirtualPath;
/// let docs = VirtualPath::root().join("a/../docs//./")?;
/// assert_eq!(docs.as_os_str(), "/docs");
/// assert_eq!(docs.join("../../../etc")?.as_os_str(), "/etc");
/// assert_eq!(docs.join("/top")?.as_os_str(), "/top");
/// assert!(docs.join("nul\0").is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualPath(Vec<u8>);

impl VirtualPath {
    /// The top of the tree.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::VirtualPath;
    /// assert!(VirtualPath::root().is_root());
    /// ```
    #[must_use]
    pub fn root() -> VirtualPath {
        VirtualPath(vec![b'/'])
    }

    /// The path that `text` names from the top of the tree. Never parks.
    ///
    /// # Errors
    /// As [`VirtualPath::join`].
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::VirtualPath;
    /// assert_eq!(VirtualPath::new("/..")?.as_os_str(), "/");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new<T: AsRef<OsStr> + ?Sized>(text: &T) -> io::Result<VirtualPath> {
        VirtualPath::root().join(text)
    }

    /// The path that `text` names from here, or from the top if it begins with `/`. Never parks. An
    /// empty `text` names this path.
    ///
    /// # Errors
    /// `InvalidInput` for a NUL; `InvalidFilename` for a name over 255 bytes, or a path over 4095.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::VirtualPath;
    /// let path = VirtualPath::new("/pub")?.join("notes.txt")?;
    /// assert_eq!(path.as_os_str(), "/pub/notes.txt");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn join<T: AsRef<OsStr> + ?Sized>(&self, text: &T) -> io::Result<VirtualPath> {
        let text = text.as_ref().as_bytes();
        if text.contains(&0) {
            return Err(io::Error::new(ErrorKind::InvalidInput, "a path has a NUL"));
        }
        let mut path = match text.starts_with(b"/") || self.is_root() {
            true => Vec::new(),
            false => self.0.clone(),
        };
        for name in text.split(|&byte| byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." => path.truncate(last_slash(&path).unwrap_or(0)),
                _ if name.len() > NAME_BYTES_MAX => return Err(too_long("a name is too long")),
                _ => {
                    path.push(b'/');
                    path.extend_from_slice(name);
                }
            }
        }
        if path.len() > PATH_BYTES_MAX {
            return Err(too_long("a path is too long"));
        }
        if path.is_empty() {
            path.push(b'/');
        }
        Ok(VirtualPath(path))
    }

    /// The directory above; the top is its own.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::VirtualPath;
    /// assert_eq!(VirtualPath::new("/a/b")?.parent().as_os_str(), "/a");
    /// assert!(VirtualPath::root().parent().is_root());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn parent(&self) -> VirtualPath {
        match last_slash(&self.0) {
            None | Some(0) => VirtualPath::root(),
            Some(end) => VirtualPath(self.0[..end].to_owned()),
        }
    }

    /// The last name; none for the top.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::VirtualPath;
    /// assert_eq!(VirtualPath::new("/a/b")?.file_name(), Some("b".as_ref()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn file_name(&self) -> Option<&OsStr> {
        let name = &self.0[last_slash(&self.0).map_or(0, |at| at + 1)..];
        (!name.is_empty()).then_some(OsStr::from_bytes(name))
    }

    /// Whether it is the top.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::VirtualPath;
    /// assert!(VirtualPath::new("a/..")?.is_root());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// Whether a name in it begins with a dot.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::VirtualPath;
    /// assert!(VirtualPath::new("/.git/config")?.is_hidden());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.0.windows(2).any(|two| two == b"/.")
    }

    /// All of it: begins with `/`.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::VirtualPath;
    /// assert_eq!(VirtualPath::root().as_os_str(), "/");
    /// ```
    #[must_use]
    pub fn as_os_str(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }

    /// As the kernel gets it, from the root's descriptor.
    pub(super) fn relative(&self) -> &Path {
        match &self.0[1..] {
            b"" => Path::new("."),
            inside => Path::new(OsStr::from_bytes(inside)),
        }
    }
}

impl fmt::Display for VirtualPath {
    /// With U+FFFD for what is not UTF-8.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_os_str().display().fmt(f)
    }
}

fn last_slash(path: &[u8]) -> Option<usize> {
    path.iter().rposition(|&byte| byte == b'/')
}

fn too_long(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidFilename, what)
}
