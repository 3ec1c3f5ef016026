//! Encryption of values at rest (reference 1.4), readable by Dapr and reading what Dapr wrote: AES-GCM with a random
//! nonce of 12 bytes before the ciphertext, both in base64, then `||` and the name of the secret that holds the key.
//! Two keys may be configured, so that a key can be changed: the first writes, both read.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{Aead, AeadCore, KeyInit, OsRng};
use aes_gcm::aes::Aes192;
use aes_gcm::{Aes128Gcm, Aes256Gcm, AesGcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mecha_component::{Error, Properties, Result};
use mecha_config::runtime::{Component, PropertySource};

use super::rules::SEPARATOR;

/// The property whose secret holds the key that writes.
const PRIMARY: &str = "primaryEncryptionKey";
/// The property whose secret holds a key that only reads.
const SECONDARY: &str = "secondaryEncryptionKey";

/// Bytes of a nonce.
const NONCE: usize = 12;

/// The keys of one store.
pub(crate) struct Encryption {
    primary: Key,
    secondary: Option<Key>,
}

struct Key {
    /// The secret it came from; stands behind every value.
    name: String,
    cipher: Cipher,
}

/// AES-GCM by the length of its key.
enum Cipher {
    Aes128(Box<Aes128Gcm>),
    Aes192(Box<AesGcm<Aes192, U12>>),
    Aes256(Box<Aes256Gcm>),
}

impl Encryption {
    /// The encryption that a component asks for; `None` without a primary key.
    ///
    /// # Errors
    /// When a key is no secret reference, or no hexadecimal text of 16, 24 or 32 bytes.
    pub(crate) fn of(component: &Component, properties: &Properties) -> Result<Option<Self>> {
        let Some(primary) = Key::of(component, properties, PRIMARY)? else { return Ok(None) };
        let secondary = Key::of(component, properties, SECONDARY)?;
        Ok(Some(Encryption { primary, secondary }))
    }

    /// The value as it is stored.
    ///
    /// # Errors
    /// When the value is too long for the cipher (64 GiB).
    pub(crate) fn seal(&self, value: &[u8]) -> Result<Bytes> {
        let nonce = Aes256Gcm::generate_nonce(&mut OsRng);
        let sealed = match &self.primary.cipher {
            Cipher::Aes128(cipher) => cipher.encrypt(&nonce, value),
            Cipher::Aes192(cipher) => cipher.encrypt(&nonce, value),
            Cipher::Aes256(cipher) => cipher.encrypt(&nonce, value),
        };
        let sealed = sealed.map_err(|_| Error::internal("the value can't be encrypted"))?;
        let mut whole = Vec::with_capacity(NONCE + sealed.len());
        whole.extend_from_slice(&nonce);
        whole.extend_from_slice(&sealed);
        let mut text = STANDARD.encode(whole);
        text.push_str(SEPARATOR);
        text.push_str(&self.primary.name);
        Ok(text.into())
    }

    /// The value as it was given.
    ///
    /// # Errors
    /// When it names no key of this store, or was not written with that key.
    pub(crate) fn open(&self, store: &str, stored: &[u8]) -> Result<Bytes> {
        let failed =
            |why: &str| Error::internal(format!("could not decrypt data for state store {store}: {why}"));
        let no_name = || failed("encryption key name not found on record");
        let text = std::str::from_utf8(stored).map_err(|_| no_name())?;
        let (sealed, name) =
            text.rsplit_once(SEPARATOR).filter(|(_, name)| !name.is_empty()).ok_or_else(no_name)?;
        let keys = [Some(&self.primary), self.secondary.as_ref()];
        let key = keys.into_iter().flatten().find(|key| key.name == name).ok_or_else(|| {
            failed(&format!(
                "it was encrypted with the key `{name}`, which is neither {PRIMARY} nor {SECONDARY}"
            ))
        })?;
        let sealed = STANDARD.decode(sealed).map_err(|_| failed("the record is not base64"))?;
        let (nonce, sealed) =
            sealed.split_at_checked(NONCE).ok_or_else(|| failed("the record is too short"))?;
        let nonce = Nonce::<U12>::from_slice(nonce);
        let opened = match &key.cipher {
            Cipher::Aes128(cipher) => cipher.decrypt(nonce, sealed),
            Cipher::Aes192(cipher) => cipher.decrypt(nonce, sealed),
            Cipher::Aes256(cipher) => cipher.decrypt(nonce, sealed),
        };
        opened.map(Bytes::from).map_err(|_| failed("the record was changed or written with another key"))
    }
}

impl Key {
    fn of(component: &Component, properties: &Properties, property: &str) -> Result<Option<Self>> {
        let wrong = |what: &str| Error::configuration(format!("failed to extract encryption key: {what}"));
        let declared = component.properties.iter().find(|entry| entry.name.eq_ignore_ascii_case(property));
        let Some(declared) = declared else { return Ok(None) };
        let PropertySource::Secret { name, .. } = &declared.source else {
            return Err(wrong(&format!("secretKeyRef cannot be empty: {property} must name a secret")));
        };
        let text = properties.get(property).ok_or_else(|| wrong("encryption key cannot be empty"))?;
        let key =
            hex(text.trim()).ok_or_else(|| wrong(&format!("the secret of {property} is not hexadecimal")))?;
        let cipher = Cipher::of(&key).ok_or_else(|| {
            wrong(&format!(
                "the secret of {property} has {} bytes; write 16, 24 or 32 in hexadecimal",
                key.len()
            ))
        })?;
        Ok(Some(Key { name: name.clone(), cipher }))
    }
}

impl Cipher {
    fn of(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Aes128Gcm::new_from_slice(key).ok().map(|cipher| Cipher::Aes128(Box::new(cipher))),
            24 => AesGcm::new_from_slice(key).ok().map(|cipher| Cipher::Aes192(Box::new(cipher))),
            32 => Aes256Gcm::new_from_slice(key).ok().map(|cipher| Cipher::Aes256(Box::new(cipher))),
            _ => None,
        }
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok())).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
