"""What functions may do with the objects of the buckets."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from stacks.data import Data
from stacks.permissions.grants import allow

ALL_OBJECTS = "the objects of one bucket"


_BELOW_A_PREFIX = "the objects of one bucket below one prefix"


def take_import_uploads(function: lambda_.Function, data: Data) -> None:
    """Sign forms that put files below `incoming/`, and look at what has come."""
    function.add_environment("IMPORTS_BUCKET", data.imports.bucket_name)
    incoming = objects_of(data.imports, "incoming/")
    allow(function, ["s3:PutObject", "s3:GetObject"], [incoming], because=_BELOW_A_PREFIX)
    allow(function, ["s3:ListBucket"], [data.imports.bucket_arn])


def give_exports_away(function: lambda_.Function, data: Data) -> None:
    """Sign links to files of exports, which S3 opens with the key of their class."""
    function.add_environment("EXPORTS_BUCKET", data.exports.bucket_name)
    allow(function, ["s3:GetObject"], [objects_of(data.exports)], because=ALL_OBJECTS)
    if key := data.keys.get("exports"):
        allow(function, ["kms:Decrypt"], [key.key_arn])


def write_exports(function: lambda_.Function, data: Data) -> None:
    """Put files of exports, sealed with the key of their class; they are not read again."""
    function.add_environment("EXPORTS_BUCKET", data.exports.bucket_name)
    allow(function, ["s3:PutObject"], [objects_of(data.exports)], because=ALL_OBJECTS)
    if key := data.keys.get("exports"):
        function.add_environment("EXPORTS_KEY_ARN", key.key_arn)
        # S3 asks for the second when it renews the key of the bucket.
        allow(function, ["kms:GenerateDataKey", "kms:Decrypt"], [key.key_arn])


def list_what_exports_name(function: lambda_.Function, data: Data) -> None:
    """Tell which media there are, and for which creators a browser is kept, sealed as it is."""
    table = data.tables["of-sessions"]
    function.add_environment("MEDIA_BUCKET", data.media_bucket.bucket_name)
    function.add_environment("OF_SESSIONS_TABLE", table.table_name)
    allow(function, ["s3:ListBucket"], [data.media_bucket.bucket_arn])
    allow(function, ["dynamodb:GetItem"], [table.table_arn])


def read_import_uploads(function: lambda_.Function, data: Data) -> None:
    """Copy uploaded files to where nobody else writes, and read the copies."""
    bucket = data.imports
    function.add_environment("IMPORTS_BUCKET", bucket.bucket_name)
    accepted = objects_of(bucket, "accepted/")
    readable = [objects_of(bucket, "incoming/"), accepted]
    allow(function, ["s3:GetObject"], readable, because=_BELOW_A_PREFIX)
    allow(function, ["s3:PutObject"], [accepted], because=_BELOW_A_PREFIX)
    allow(function, ["s3:ListBucket"], [bucket.bucket_arn])


def show_media(function: lambda_.Function, data: Data) -> None:
    """Sign addresses of media, for CloudFront where it stands before the bucket."""
    function.add_environment("MEDIA_BUCKET", data.media_bucket.bucket_name)
    if data.media is None:
        allow(function, ["s3:GetObject"], [objects_of(data.media_bucket)], because=ALL_OBJECTS)
        return
    function.add_environment("MEDIA_DOMAIN", data.media.domain)
    function.add_environment("MEDIA_KEY_ID", data.media.key_id)
    function.add_environment("MEDIA_KEY_SECRET_ARN", data.media.signing_secret.arn)
    data.media.signing_secret.grant_value(function)


def take_media_uploads(function: lambda_.Function, data: Data) -> None:
    """Sign forms that put files below `incoming/`, and look at what has come."""
    function.add_environment("UPLOADS_BUCKET", data.uploads.bucket_name)
    incoming = objects_of(data.uploads, "incoming/")
    allow(function, ["s3:PutObject", "s3:GetObject"], [incoming], because=_BELOW_A_PREFIX)
    allow(function, ["s3:ListBucket"], [data.uploads.bucket_arn])


def keep_media(function: lambda_.Function, data: Data) -> None:
    """Read and delete uploaded files, and write and delete the objects of items."""
    function.add_environment("UPLOADS_BUCKET", data.uploads.bucket_name)
    function.add_environment("MEDIA_BUCKET", data.media_bucket.bucket_name)
    allow(
        function,
        ["s3:GetObject", "s3:DeleteObject"],
        [objects_of(data.uploads, "incoming/")],
        because=_BELOW_A_PREFIX,
    )
    allow(
        function,
        ["s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"],
        [objects_of(data.media_bucket)],
        because=ALL_OBJECTS,
    )
    allow(
        function,
        ["s3:ListBucket"],
        [data.uploads.bucket_arn, data.media_bucket.bucket_arn],
    )


def read_objects(grantee: iam.IGrantable, bucket: s3.IBucket) -> None:
    """Read the objects of a bucket, and be told when there is none of a name."""
    allow(grantee, ["s3:GetObject"], [objects_of(bucket)], because=ALL_OBJECTS)
    allow(grantee, ["s3:ListBucket"], [bucket.bucket_arn])


def write_objects(grantee: iam.IGrantable, bucket: s3.IBucket) -> None:
    """Put objects into a bucket, in parts if they are large."""
    allow(
        grantee,
        ["s3:PutObject", "s3:AbortMultipartUpload"],
        [objects_of(bucket)],
        because=ALL_OBJECTS,
    )


def objects_of(bucket: s3.IBucket, prefix: str = "") -> str:
    """The ARN of the objects of a bucket, or of those below a prefix."""
    # Exported by hand: CDK would do the same at the very end, too late to name the ARN in the
    # acknowledgement of its wildcard.
    return f"{Stack.of(bucket).export_value(bucket.bucket_arn)}/{prefix}*"
