"""PyKMIP's whole story with a key server, one step after the other, at each version of the protocol that it speaks.

    story.py steps                                prints the steps, a line of JSON each
    story.py run PORT CERTIFICATE KEY AUTHORITY   performs them, and prints how each went, a line of JSON each

A step that fails tells its traceback and does not end the story.
"""

import json
import logging
import os
import sys
import traceback

from kmip.core import enums, exceptions as core_exceptions, objects as cobjects, primitives
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie import client as pie, exceptions, objects

logging.disable(logging.CRITICAL)

MASKS = [enums.CryptographicUsageMask.ENCRYPT, enums.CryptographicUsageMask.DECRYPT]
NAMED = ["Name", "State", "Object Type", "Cryptographic Algorithm", "Cryptographic Length"]
factory = AttributeFactory()


def attribute(name, value, index=None):
    return factory.create_attribute(name, value, index)


def equal(found, wanted):
    assert found == wanted, "found {!r}, wanted {!r}".format(found, wanted)


class Story:
    """Later steps use what earlier ones made: `ids` by what they are."""

    def __init__(self, version, connection):
        self.version = version
        self.connection = connection
        self.is_2 = version.startswith("2")
        self.ids = {}
        self.made = {}

    def name(self, of):
        return "pykmip {} {}".format(self.version, of)

    @property
    def group(self):
        return "pykmip group {}".format(self.version)

    # What the server is

    def discover_versions(self):
        result = self.connection.proxy.discover_versions()
        equal(result.result_status.value, enums.ResultStatus.SUCCESS)
        found = ["{}.{}".format(v.major, v.minor) for v in result.protocol_versions]
        equal(found, ["2.1", "2.0", "1.4", "1.3", "1.2", "1.1", "1.0"])

    def query(self):
        functions = [
            enums.QueryFunction.QUERY_OPERATIONS,
            enums.QueryFunction.QUERY_OBJECTS,
            enums.QueryFunction.QUERY_SERVER_INFORMATION,
        ]
        result = self.connection.proxy.query(query_functions=functions)
        equal(result.result_status.value, enums.ResultStatus.SUCCESS)
        for operation in ("CREATE", "REGISTER", "LOCATE", "GET", "ACTIVATE", "REVOKE", "DESTROY"):
            assert enums.Operation[operation] in result.operations, operation
        assert enums.ObjectType.SYMMETRIC_KEY in result.object_types
        equal(result.vendor_identification, "kmipd")

    # Objects in

    def create(self):
        self.ids["created"] = self.connection.create(
            enums.CryptographicAlgorithm.AES, 256, name=self.name("created"), cryptographic_usage_mask=MASKS
        )

    def create_in_group(self):
        attributes = [
            attribute(enums.AttributeType.CRYPTOGRAPHIC_ALGORITHM, enums.CryptographicAlgorithm.AES),
            attribute(enums.AttributeType.CRYPTOGRAPHIC_LENGTH, 128),
            attribute(enums.AttributeType.CRYPTOGRAPHIC_USAGE_MASK, MASKS),
            attribute(enums.AttributeType.NAME, self.name("grouped")),
            attribute(enums.AttributeType.OBJECT_GROUP, self.group),
        ]
        if not self.is_2:
            attributes.append(attribute("x-Purpose", "custom"))
        template = cobjects.TemplateAttribute(attributes=attributes)
        result = self.connection.proxy.create(enums.ObjectType.SYMMETRIC_KEY, template)
        equal(result.result_status.value, enums.ResultStatus.SUCCESS)
        self.ids["grouped"] = result.uuid

    def create_same_name_is_refused(self):
        with refused("INVALID_FIELD", "NON_UNIQUE_NAME_ATTRIBUTE"):
            self.connection.create(enums.CryptographicAlgorithm.AES, 256, name=self.name("created"))

    def register(self, kind, made):
        self.made[kind] = made
        self.ids[kind] = self.connection.register(made)

    def register_symmetric_key(self):
        key = objects.SymmetricKey(enums.CryptographicAlgorithm.AES, 256, os.urandom(32), masks=MASKS)
        key.names = [self.name("symmetric key")]
        self.register("symmetric key", key)

    def register_secret_data(self):
        secret = objects.SecretData(os.urandom(32), enums.SecretDataType.PASSWORD)
        secret.names = [self.name("secret data")]
        self.register("secret data", secret)

    def register_opaque_object(self):
        opaque = objects.OpaqueObject(os.urandom(72), enums.OpaqueDataType.NONE)
        opaque.names = [self.name("opaque object")]
        self.register("opaque object", opaque)

    def register_certificate(self):
        self.register("certificate", objects.X509Certificate(der["certificate"], name=self.name("certificate")))

    def register_public_key(self):
        algorithm = enums.CryptographicAlgorithm.RSA
        form = enums.KeyFormatType.X_509
        masks = [enums.CryptographicUsageMask.VERIFY]
        key = objects.PublicKey(algorithm, 2048, der["public key"], form, masks, self.name("public key"))
        self.register("public key", key)

    def register_private_key(self):
        algorithm = enums.CryptographicAlgorithm.RSA
        form = enums.KeyFormatType.PKCS_8
        masks = [enums.CryptographicUsageMask.SIGN]
        key = objects.PrivateKey(algorithm, 2048, der["private key"], form, masks, self.name("private key"))
        self.register("private key", key)

    # Finding them

    def locate(self, *criteria, **options):
        return self.connection.locate(attributes=[attribute(*each) for each in criteria], **options)

    def locate_by_name(self):
        for kind in ("created", "grouped", "symmetric key", "secret data", "opaque object", "certificate",
                     "public key", "private key"):
            equal(self.locate((enums.AttributeType.NAME, self.name(kind))), [self.ids[kind]])

    def locate_by_unknown_name_finds_nothing(self):
        equal(self.locate((enums.AttributeType.NAME, self.name("nothing"))), [])

    def locate_by_object_group(self):
        equal(self.locate((enums.AttributeType.OBJECT_GROUP, self.group)), [self.ids["grouped"]])

    def locate_by_object_type(self):
        found = self.locate((enums.AttributeType.OBJECT_TYPE, enums.ObjectType.SECRET_DATA))
        assert self.ids["secret data"] in found and self.ids["created"] not in found, found

    def locate_by_state(self):
        state = (enums.AttributeType.STATE, enums.State.PRE_ACTIVE)
        equal(self.locate(state, (enums.AttributeType.NAME, self.name("created"))), [self.ids["created"]])
        state = (enums.AttributeType.STATE, enums.State.ACTIVE)
        equal(self.locate(state, (enums.AttributeType.NAME, self.name("created"))), [])

    def locate_by_custom_attribute(self):
        name = (enums.AttributeType.NAME, self.name("grouped"))
        equal(self.locate(("x-Purpose", "custom"), name), [self.ids["grouped"]])
        equal(self.locate(("x-Purpose", "another"), name), [])
        equal(self.locate(("x-Never-Set", "custom")), [])

    def locate_page_by_page(self):
        everything = self.locate()
        page = self.locate(maximum_items=2) + self.locate(maximum_items=2, offset_items=2)
        equal(page, everything[:4])

    # Reading them

    def get(self):
        for kind, made in self.made.items():
            equal(self.connection.get(self.ids[kind]).value, made.value)
        created = self.connection.get(self.ids["created"])
        equal((created.cryptographic_algorithm, created.cryptographic_length, len(created.value)),
              (enums.CryptographicAlgorithm.AES, 256, 32))

    def attributes(self, kind, names):
        uid, found = self.connection.get_attributes(self.ids[kind], names)
        equal(uid, self.ids[kind])
        return {each.attribute_name.value: each.attribute_value for each in found}

    def get_attributes(self):
        found = self.attributes("created", NAMED)
        equal(found["Name"].name_value.value, self.name("created"))
        equal(found["State"].value, enums.State.PRE_ACTIVE)
        equal(found["Object Type"].value, enums.ObjectType.SYMMETRIC_KEY)
        equal(found["Cryptographic Length"].value, 256)

    def get_all_attributes(self):
        """PyKMIP cannot read all attributes of later versions, nor the Digest of 1.0."""
        found = self.attributes("grouped", [])
        equal(found["Unique Identifier"].value, self.ids["grouped"])
        equal(found["x-Purpose"].value, "custom")

    def get_attribute_list(self):
        found = self.connection.get_attribute_list(self.ids["created"])
        for name in NAMED + ["Unique Identifier", "Initial Date", "Last Change Date"]:
            assert name in found, (name, found)

    def check(self):
        masks = [enums.CryptographicUsageMask.ENCRYPT]
        equal(self.connection.check(self.ids["created"], cryptographic_usage_mask=masks), self.ids["created"])

    # Changing them

    def modify_attribute(self):
        uid = self.ids["created"]
        new = self.name("renamed")
        if self.is_2:
            current, changed = (
                factory.value_factory.create_attribute_value(enums.AttributeType.NAME, each)
                for each in (self.name("created"), new)
            )
            self.connection.modify_attribute(
                uid,
                current_attribute=cobjects.CurrentAttribute(attribute=current),
                new_attribute=cobjects.NewAttribute(attribute=changed),
            )
        else:
            found, echoed = self.connection.modify_attribute(
                uid, attribute=attribute(enums.AttributeType.NAME, new, 0)
            )
            equal(found, uid)
            equal(echoed.attribute_value.name_value.value, new)
        equal(self.locate((enums.AttributeType.NAME, new)), [uid])
        equal(self.locate((enums.AttributeType.NAME, self.name("created"))), [])

    def set_attribute(self):
        uid = self.ids["symmetric key"]
        equal(self.connection.set_attribute(uid, attribute_name="Object Group", attribute_value="set"), uid)
        assert uid in self.locate((enums.AttributeType.OBJECT_GROUP, "set"))

    def delete_attribute(self):
        uid = self.ids["created"]
        name = self.name("renamed")
        if self.is_2:
            current = factory.value_factory.create_attribute_value(enums.AttributeType.NAME, name)
            found, _ = self.connection.delete_attribute(
                uid, current_attribute=cobjects.CurrentAttribute(attribute=current)
            )
        else:
            found, deleted = self.connection.delete_attribute(uid, attribute_name="Name", attribute_index=0)
            equal(deleted.attribute_value.name_value.value, name)
        equal(found, uid)
        equal(self.locate((enums.AttributeType.NAME, name)), [])

    def read_only_attribute_is_refused(self):
        with refused("PERMISSION_DENIED", "ATTRIBUTE_READ_ONLY"):
            if self.is_2:
                self.connection.set_attribute(
                    self.ids["created"], attribute_name="State", attribute_value=enums.State.ACTIVE
                )
            else:
                self.connection.modify_attribute(
                    self.ids["created"], attribute=attribute(enums.AttributeType.STATE, enums.State.ACTIVE, 0)
                )

    # Their life

    def activate(self):
        for kind in ("created", "secret data"):
            self.connection.activate(self.ids[kind])
            equal(self.attributes(kind, ["State"])["State"].value, enums.State.ACTIVE)

    def activate_again_is_refused(self):
        with refused("PERMISSION_DENIED", "WRONG_KEY_LIFECYCLE_STATE"):
            self.connection.activate(self.ids["created"])

    def destroy_active_is_refused(self):
        with refused("PERMISSION_DENIED", "WRONG_KEY_LIFECYCLE_STATE"):
            self.connection.destroy(self.ids["created"])

    def revoke(self):
        reasons = enums.RevocationReasonCode
        self.connection.revoke(reasons.CESSATION_OF_OPERATION, self.ids["created"], "done with it")
        equal(self.attributes("created", ["State"])["State"].value, enums.State.DEACTIVATED)
        self.connection.revoke(reasons.KEY_COMPROMISE, self.ids["secret data"], "found", 1)
        equal(self.attributes("secret data", ["State"])["State"].value, enums.State.COMPROMISED)

    def destroy(self):
        for kind, uid in self.ids.items():
            self.connection.destroy(uid)
            with refused("PERMISSION_DENIED", "OBJECT_DESTROYED", "ITEM_NOT_FOUND"):
                self.connection.get(uid)
        state = self.attributes("secret data", ["State"])["State"].value
        equal(state, enums.State.DESTROYED_COMPROMISED)

    def name_of_destroyed_is_free(self):
        uid = self.connection.create(enums.CryptographicAlgorithm.AES, 256, name=self.name("grouped"))
        self.connection.destroy(uid)

    # What is not there

    def unknown_identifier_is_not_found(self):
        uid = "00000000-0000-0000-0000-000000000000"
        actions = [self.connection.get, self.connection.activate, self.connection.destroy,
                   lambda uid: self.connection.revoke(enums.RevocationReasonCode.UNSPECIFIED, uid)]
        for act in actions:
            with refused("ITEM_NOT_FOUND", "OBJECT_NOT_FOUND"):
                act(uid)

    def absent_identifier_is_not_found(self):
        """Nobody's ID Placeholder is left over from the messages before."""
        with refused("ITEM_NOT_FOUND", "OBJECT_NOT_FOUND"):
            self.connection.get()

    def wrong_length_is_refused(self):
        with refused("INVALID_FIELD", "INVALID_ATTRIBUTE_VALUE"):
            self.connection.create(enums.CryptographicAlgorithm.AES, 100)


class refused:
    """The server says no, for one of these reasons."""

    def __init__(self, *reasons):
        self.reasons = reasons

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert error is not None, "it was not refused; wanted {}".format(self.reasons)
        if not isinstance(error, (exceptions.KmipOperationFailure, core_exceptions.OperationFailure)):
            return False
        reason = error.reason.name if hasattr(error.reason, "name") else str(error.reason)
        assert reason in self.reasons, "refused for {}, wanted {}: {}".format(reason, self.reasons, error)
        return True


def steps(version):
    minor = [] if version.startswith("2") else ["locate_by_custom_attribute"]
    return [
        "discover_versions", "query",
        "create", "create_in_group", "create_same_name_is_refused", "wrong_length_is_refused",
        "register_symmetric_key", "register_secret_data", "register_opaque_object", "register_certificate",
        "register_public_key", "register_private_key",
        "locate_by_name", "locate_by_unknown_name_finds_nothing", "locate_by_object_group",
        "locate_by_object_type", "locate_by_state", *minor, "locate_page_by_page",
        "get", "get_attributes", *(["get_all_attributes"] if version == "1.1" else []),
        "get_attribute_list", "check",
        *(["set_attribute"] if version.startswith("2") else []),
        "modify_attribute", "delete_attribute", "read_only_attribute_is_refused",
        "activate", "activate_again_is_refused", "destroy_active_is_refused", "revoke", "destroy",
        "name_of_destroyed_is_free", "unknown_identifier_is_not_found", "absent_identifier_is_not_found",
    ]


def tell(**row):
    print(json.dumps(row), flush=True)


def read_der(certificate, key):
    """The client's own certificate and keys are as good to register as any."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization as form
    with open(certificate, "rb") as file:
        read = x509.load_pem_x509_certificate(file.read())
    with open(key, "rb") as file:
        private = form.load_pem_private_key(file.read(), None)
    public = private.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    kept = private.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
    return {"certificate": read.public_bytes(form.Encoding.DER), "public key": public, "private key": kept}


def run(version, port, certificate, key, authority):
    connection = pie.ProxyKmipClient(
        hostname="localhost", port=int(port), cert=certificate, key=key, ca=authority,
        ssl_version="PROTOCOL_TLSv1_2", config_file=os.devnull,
        kmip_version=enums.KMIPVersion["KMIP_" + version.replace(".", "_")],
    )
    with connection:
        story = Story(version, connection)
        for step in steps(version):
            try:
                getattr(story, step)()
                tell(version=version, step=step, ok=True)
            except Exception:
                tell(version=version, step=step, ok=False, error=traceback.format_exc())


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "run":
        der = read_der(rest[1], rest[2])
    for version in ("1.0", "1.1", "1.2", "1.3", "1.4", "2.0"):
        if command == "run":
            run(version, *rest)
        else:
            for step in steps(version):
                tell(version=version, step=step)
