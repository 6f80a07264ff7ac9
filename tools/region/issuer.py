"""A tiny OIDC issuer: one key, a discovery document, tokens like those of a real identity provider."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "scheduler-api"
TOKEN_SECONDS = 30 * 24 * 3600
_KEY_ID = "local-1"


@dataclass(frozen=True)
class Issuer:
    """Signs tokens with the key in a file, and publishes its public half."""

    url: str
    key: rsa.RSAPrivateKey

    @classmethod
    def with_key(cls, url: str, key_file: Path) -> "Issuer":
        """Return the issuer of this key file, made (readable by its owner only) when there is none."""
        if not key_file.exists():
            key_file.touch(mode=0o600)
            key_file.write_bytes(_new_key())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{key_file} holds no RSA key")
        return cls(url, key)

    def token(self, subject: str, tenant: str | None, scope: str = "", seconds: int = TOKEN_SECONDS) -> str:
        """Return an RS256 token of `subject`, valid for `seconds` (may be negative: a token that has expired)."""
        now = int(time.time())
        claims: dict[str, Any] = {"iss": self.url, "aud": AUDIENCE, "sub": subject, "exp": now + seconds}
        claims["iat"] = claims["nbf"] = min(now, now + seconds) - 5
        claims |= ({"tenant_id": tenant} if tenant else {}) | ({"scope": scope} if scope else {})
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": _KEY_ID})

    def document(self, path: str) -> dict[str, Any] | None:
        """Return what the issuer publishes at this path, or None."""
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/.well-known/jwks.json",
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["token"],
                "subject_types_supported": ["public"],
            }
        if path == "/.well-known/jwks.json":
            public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
            return {"keys": [{**public, "kid": _KEY_ID, "use": "sig", "alg": "RS256"}]}
        return None


def _new_key() -> bytes:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
