"""What a program does with pykmip.conf: gets a key by its Unique Identifier, and prints it in hexadecimal.

    get.py SETTINGS UNIQUE_IDENTIFIER
"""

import logging
import sys

from kmip.pie.client import ProxyKmipClient

logging.disable(logging.CRITICAL)

if __name__ == "__main__":
    settings, identifier = sys.argv[1:]
    with ProxyKmipClient(config_file=settings) as client:
        print(client.get(identifier).value.hex())
