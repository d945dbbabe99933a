//! TLS to a database, as libpq's `sslmode` means it: `require` and `prefer` encrypt, `verify-full` also proves who answers.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::EngineError;
use crate::api::database::TlsMode;

/// The connector for this mode, with the authority whose certificate is in this file.
pub fn connector(mode: TlsMode, authority: Option<&str>) -> Result<MakeRustlsConnect, EngineError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| EngineError::Unreachable(error.to_string()))?;
    let config = match mode {
        TlsMode::VerifyFull => builder
            .with_root_certificates(roots(authority)?)
            .with_no_client_auth(),
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

/// The named authority alone, or those that everybody knows.
pub fn roots(authority: Option<&str>) -> Result<RootCertStore, EngineError> {
    let Some(file) = authority else {
        return Ok(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        });
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|_| NO_CERTIFICATE)?;
    for certificate in certificates {
        let certificate = certificate.map_err(|_| NO_CERTIFICATE)?;
        roots.add(certificate).map_err(|_| NO_CERTIFICATE)?;
    }
    if roots.is_empty() {
        return Err(NO_CERTIFICATE);
    }
    Ok(roots)
}

const NO_CERTIFICATE: EngineError =
    EngineError::Untrusted("the file of spec.tls.ca holds no certificate in PEM");

/// What is wrong with the server's certificate, if that is why there is no connection.
pub fn untrusted(error: &(dyn std::error::Error + 'static)) -> Option<EngineError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(Error::InvalidCertificate(problem)) = tls_error(error) {
            return Some(EngineError::Untrusted(match problem {
                // Another authority of the same name shows by its signature alone.
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    "no authority that is known here has signed the server's certificate; name its authority in spec.tls.ca"
                }
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => {
                    "the server's certificate is for another name than that of spec.host (or spec.direct.host)"
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "the server's certificate has expired"
                }
                CertificateError::Other(other)
                    if other.to_string().contains("UnsupportedCertVersion") =>
                {
                    "the server's certificate is of version 1 of X.509, which cannot be read here; give the server one of version 3, as openssl \
                     makes with -extfile"
                }
                _ => "the server's certificate is not valid",
            }));
        }
        cause = error.source();
    }
    None
}

/// The error of TLS itself, which the drivers wrap in one of the network.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    let inner = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
        .and_then(|inner| inner.downcast_ref::<Error>());
    inner.or_else(|| error.downcast_ref::<Error>())
}

/// Takes any certificate, as `sslmode=require` does; the handshake itself is still verified.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
