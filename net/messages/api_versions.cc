#include "net/messages/api_versions.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::api_versions_request);
KARST_DEFINE_MESSAGE(karst::net::api_versions_response);
